package client;

import client.CredentialsSource.Credentials;
import com.rabbitmq.client.impl.CredentialsProvider;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.stereotype.Component;

/**
 * Gives the connection factory the current credentials at each login. With {@code spring.rabbitmq.username} and
 * {@code password}, the factory keeps those of its creation, also after a reload.
 */
@Component
class CurrentCredentials implements BeanPostProcessor {
    private final ObjectProvider<CredentialsSource> source;

    CurrentCredentials(ObjectProvider<CredentialsSource> source) {
        this.source = source;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String name) {
        if (bean instanceof CachingConnectionFactory factory) {
            factory.getRabbitConnectionFactory().setCredentialsProvider(new AtEachLogin());
        }
        return bean;
    }

    /** The library asks for the user, then for the password, on one thread. Both must come from one version. */
    private final class AtEachLogin implements CredentialsProvider {
        private final ThreadLocal<Credentials> current = new ThreadLocal<>();

        @Override
        public String getUsername() {
            current.set(source.getObject().read());
            return current.get().username();
        }

        @Override
        public String getPassword() {
            Credentials credentials = current.get();
            // The thread lives longer than the login, and must not keep the password.
            current.remove();
            return (credentials == null ? source.getObject().read() : credentials).password();
        }
    }
}
