package client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The folder of a mounted Secret. */
record MountedSecret(Path folder) {
    /** A user and its password from one version of the Secret. */
    record Credentials(Path version, String username, String password) {
        @Override
        public String toString() {
            return "credentials of " + username;
        }
    }

    /** The folder of the current version. */
    Path version() throws IOException {
        return Files.readSymbolicLink(folder.resolve("..data"));
    }

    /**
     * Reads both files below the target of one link. Through {@code username} and {@code password}, a program could get the
     * user of one version and the password of the next.
     */
    Credentials read() throws IOException {
        Path version = version();
        Path files = folder.resolve(version);
        String username = Files.readString(files.resolve("username"));
        return new Credentials(version, username, Files.readString(files.resolve("password")));
    }
}
