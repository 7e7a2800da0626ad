package client;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A connection with a channel for the producer and a channel for the consumer. */
final class Session {
    /** The most messages that are delivered again after a lost connection. */
    private static final int PREFETCH = 50;
    private static final int CONNECT_LIMIT_MS = 10_000;
    private static final int CLOSE_LIMIT_MS = 5_000;

    final Path version;
    final Channel publisher;
    final Channel consumer;
    /** The IDs of messages that no queue accepted. */
    final Set<String> returned = ConcurrentHashMap.newKeySet();
    /** What has arrived. The library fills it on its own thread. */
    final BlockingQueue<Delivery> messages = new LinkedBlockingQueue<>();
    private final Connection connection;
    private volatile boolean isCancelled;

    /** Connects with the current credentials in the volume. */
    Session(Settings settings) throws IOException, TimeoutException, GeneralSecurityException {
        MountedSecret.Credentials credentials = settings.secret().read();
        // A new factory for each connection. A factory that is kept logs in with the old password.
        ConnectionFactory factory = new ConnectionFactory();
        factory.setHost(settings.host());
        factory.setPort(settings.port());
        factory.setVirtualHost(settings.vhost());
        factory.setUsername(credentials.username());
        factory.setPassword(credentials.password());
        // The library's own recovery logs in with the password that it was given at the start.
        factory.setAutomaticRecoveryEnabled(false);
        factory.setConnectionTimeout(CONNECT_LIMIT_MS);
        factory.setHandshakeTimeout(CONNECT_LIMIT_MS);
        // The default is 10 minutes.
        factory.setChannelRpcTimeout(CONNECT_LIMIT_MS);
        // This also verifies the host name. Before amqp-client 5.33, that needed enableHostnameVerification().
        factory.useSslProtocol(tls(settings.ca()));
        version = credentials.version();
        connection = factory.newConnection("java-client");
        try {
            publisher = connection.createChannel();
            // From here on, the broker confirms each message on this channel.
            publisher.confirmSelect();
            publisher.addReturnListener(message -> returned.add(message.getProperties().getMessageId()));
            consumer = connection.createChannel();
            consumer.basicQos(PREFETCH);
            consumer.basicConsume(settings.queue(), false, (tag, message) -> messages.add(message), tag -> isCancelled = true);
        } catch (IOException | RuntimeException error) {
            connection.abort(CLOSE_LIMIT_MS);
            throw error;
        }
        System.err.println("connected as `" + credentials.username() + "`");
    }

    boolean isLost() {
        return isCancelled || !publisher.isOpen() || !consumer.isOpen();
    }

    /** If the connection is lost already, the broker delivers unacknowledged messages again. */
    void close() {
        connection.abort(CLOSE_LIMIT_MS);
    }

    /** Trusts the authorities in a file, or those of the system. */
    private static SSLContext tls(Path ca) throws IOException, GeneralSecurityException {
        if (ca == null) {
            return SSLContext.getDefault();
        }
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream pem = Files.newInputStream(ca)) {
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                trusted.setCertificateEntry("ca-" + number++, certificate);
            }
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }
}
