package client;

import java.io.IOException;
import java.nio.file.Path;
import org.springframework.amqp.rabbit.config.ContainerCustomizer;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.backoff.ExponentialBackOff;

@Configuration
class RabbitConfiguration {
    @Bean
    Ledger ledger(@Value("${ledger}") Path folder) throws IOException {
        return new Ledger(folder);
    }

    @Bean
    InitializingBean connectionListener(CachingConnectionFactory factory, Switch connection) {
        return () -> factory.addConnectionListener(connection);
    }

    /**
     * By default, a refused login ends the consumer for ever: the process runs on, and nobody reads the queue. After a
     * revocation, logins are refused until the new credentials have arrived.
     */
    @Bean
    ContainerCustomizer<SimpleMessageListenerContainer> afterRefusedLogins() {
        return container -> {
            container.setPossibleAuthenticationFailureFatal(false);
            // The default is 5 s. The waits grow from 100 ms to 2 s, without an end.
            ExponentialBackOff pauses = new ExponentialBackOff(100, 2);
            pauses.setMaxInterval(2_000);
            container.setRecoveryBackOff(pauses);
        };
    }
}
