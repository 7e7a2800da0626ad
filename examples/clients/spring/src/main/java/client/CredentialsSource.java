package client;

/** Where the current credentials are. */
interface CredentialsSource {
    /** A user and its password from one version of the Secret. */
    record Credentials(String username, String password) {
        @Override
        public String toString() {
            return "credentials of " + username;
        }
    }

    Credentials read();
}
