package client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Profile;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

/** The credentials in a mounted volume. */
@Component
@Profile("!reload")
class MountedSecret implements CredentialsSource {
    private final Path folder;
    private final Switch connection;
    private Path seen;

    MountedSecret(@Value("${credentials}") Path folder, Switch connection) throws IOException {
        this.folder = folder;
        this.connection = connection;
        this.seen = version();
    }

    /**
     * Reads both files below the target of one link. Through {@code username} and {@code password}, a program could get the
     * user of one version and the password of the next.
     */
    @Override
    public Credentials read() {
        try {
            Path files = folder.resolve(version());
            return new Credentials(
                Files.readString(files.resolve("username")), Files.readString(files.resolve("password")));
        } catch (IOException error) {
            // Kubernetes may have replaced the version in the meantime. Spring connects again.
            throw new UncheckedIOException(error);
        }
    }

    @Scheduled(fixedDelay = 500)
    void look() throws IOException {
        Path now = version();
        if (!now.equals(seen)) {
            seen = now;
            connection.reconnect();
        }
    }

    private Path version() throws IOException {
        return Files.readSymbolicLink(folder.resolve("..data"));
    }
}
