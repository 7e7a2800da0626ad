package client;

import org.springframework.cloud.context.environment.EnvironmentChangeEvent;
import org.springframework.context.annotation.Profile;
import org.springframework.context.event.EventListener;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/** The credentials that Spring Cloud Kubernetes puts into the environment. */
@Component
@Profile("reload")
class ReloadedSecret implements CredentialsSource {
    private final Environment environment;
    private final Switch connection;

    ReloadedSecret(Environment environment, Switch connection) {
        this.environment = environment;
        this.connection = connection;
    }

    /** Asks the environment each time. A field with {@code @Value} keeps its first value for ever. */
    @Override
    public Credentials read() {
        return new Credentials(
            environment.getRequiredProperty("broker.username"), environment.getRequiredProperty("broker.password"));
    }

    /** The reload changes the properties, and no connection. */
    @EventListener
    void onChange(EnvironmentChangeEvent event) {
        if (event.getKeys().stream().anyMatch(key -> key.startsWith("broker."))) {
            connection.reconnect();
        }
    }
}
