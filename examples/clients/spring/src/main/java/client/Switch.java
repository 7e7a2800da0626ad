package client;

import com.rabbitmq.client.ShutdownSignalException;
import java.util.concurrent.atomic.AtomicBoolean;
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
    private final AtomicBoolean hasChanged = new AtomicBoolean();
    private ShutdownSignalException last;

    Switch(ObjectProvider<CachingConnectionFactory> factory, Counts counts) {
        this.factory = factory;
        this.counts = counts;
    }

    void reconnect() {
        hasChanged.set(true);
        LOG.info("the credentials have changed");
        // The broker delivers unacknowledged messages again, and the producer sends unconfirmed orders again.
        factory.getObject().resetConnection();
    }

    @Override
    public void onCreate(Connection connection) {
        if (hasChanged.getAndSet(false)) {
            counts.replaced.increment();
        }
        LOG.info("connected");
    }

    /** Spring passes the same signal for the connection and for each of its channels. */
    @Override
    public synchronized void onShutDown(ShutdownSignalException signal) {
        if (signal != last && !signal.isInitiatedByApplication()) {
            last = signal;
            counts.lost.increment();
            LOG.warn("a connection is lost: {}", signal.getMessage());
        }
    }
}
