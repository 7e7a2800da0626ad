package client;

import com.rabbitmq.client.ShutdownSignalException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.Connection;
import org.springframework.amqp.rabbit.connection.ConnectionListener;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.stereotype.Component;

/** Closes the connections when the credentials have changed. Template and container open new ones with the new user. */
@Component
class Switch implements ConnectionListener {
    private static final Logger LOG = LoggerFactory.getLogger(Switch.class);

    private final ObjectProvider<CachingConnectionFactory> factory;
    private final Counts counts;

    Switch(ObjectProvider<CachingConnectionFactory> factory, Counts counts) {
        this.factory = factory;
        this.counts = counts;
    }

    void over() {
        counts.replaced.increment();
        LOG.info("the credentials have changed");
        // The broker delivers unacknowledged messages again, and the producer sends unconfirmed orders again.
        factory.getObject().resetConnection();
    }

    @Override
    public void onCreate(Connection connection) {
        LOG.info("connected");
    }

    @Override
    public void onShutDown(ShutdownSignalException signal) {
        if (!signal.isInitiatedByApplication()) {
            counts.lost.increment();
            LOG.warn("a connection is lost: {}", signal.getMessage());
        }
    }
}
