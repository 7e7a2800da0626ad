package client;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A producer and a consumer with RabbitMQ's Java client that neither lose nor repeat an order while their credentials rotate.
 *
 * <p>{@code docs/src/clients/java.md} explains what matters. After SIGTERM, the program takes no more orders, finishes those
 * that it has, and prints its counts.
 */
public final class Main {
    private static final String EXCHANGE = "clients";
    private static final int PERSISTENT = 2;
    private static final int BATCH_SIZE = 200;
    private static final long BATCH_EVERY_MS = 50;
    /** The interval of checks for changes in the volume. */
    private static final long LOOK_MS = 500;
    private static final long ANSWER_LIMIT_MS = 10_000;
    private static final long FIRST_PAUSE_MS = 100;
    private static final long LONGEST_PAUSE_MS = 2_000;
    private static final long STOP_LIMIT_MS = 20_000;

    private final Settings settings;
    private final Ledger ledger;
    private final long began = now();
    private final int ordersBefore;
    private long confirmed, resent, redelivered, duplicates, replaced, lost;
    /** The time limit to finish, after SIGTERM. */
    private volatile long until = Long.MAX_VALUE;

    private Main(Settings settings) throws IOException {
        this.settings = settings;
        ledger = new Ledger(settings.ledger());
        ordersBefore = ledger.orders();
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Main client = new Main(Settings.parse(arguments));
        Thread work = Thread.currentThread();
        // After SIGTERM, the JVM ends when its hooks have ended.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> client.stop(work)));
        client.run();
    }

    private void stop(Thread work) {
        until = now() + STOP_LIMIT_MS;
        try {
            work.join(STOP_LIMIT_MS + 5_000);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isStopping() {
        return until != Long.MAX_VALUE;
    }

    private boolean isOver() {
        return isStopping() && (ledger.isComplete() || now() > until);
    }

    private void run() throws InterruptedException, IOException {
        Session session = connect();
        while (session != null && !isOver()) {
            Session next = null;
            try {
                next = workOn(session);
                replaced += next == null ? 0 : 1;
            } catch (IOException | TimeoutException | RuntimeException error) {
                // Also what the work for a message throws: it comes again on the next connection.
                lost++;
                System.err.println("the connection is lost: " + error);
            }
            // The order matters: the next connection is open before the old one is closed.
            session.close();
            session = next == null ? connect() : next;
        }
        if (session != null) {
            session.close();
        }
        System.out.printf(
            "{\"confirmed\":%d,\"resent\":%d,\"redelivered\":%d,\"duplicates\":%d,\"replaced\":%d,\"lost\":%d}%n",
            confirmed, resent, redelivered, duplicates, replaced, lost);
        System.out.flush();
    }

    /** Connects, and retries. Each attempt reads the volume again, because refused credentials may be old. */
    private Session connect() throws InterruptedException {
        for (long pause = FIRST_PAUSE_MS; !isOver(); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
            try {
                return new Session(settings);
            } catch (IOException | TimeoutException | GeneralSecurityException | RuntimeException error) {
                System.err.println("no connection: " + error);
            }
            Thread.sleep(pause);
        }
        return null;
    }

    /** Works on the connection. Returns the next one if the volume has changed, and null at the end. */
    private Session workOn(Session session) throws IOException, TimeoutException, InterruptedException {
        long looked = now();
        long batch = now();
        while (!isOver()) {
            if (session.isLost()) {
                throw new IOException("a channel or the subscription ended");
            }
            Delivery message = session.messages.poll(BATCH_EVERY_MS, TimeUnit.MILLISECONDS);
            if (message != null) {
                consume(session, message);
            }
            if (now() - batch >= BATCH_EVERY_MS) {
                batch = now();
                takeOrders();
                publish(session);
            }
            if (now() - looked > LOOK_MS) {
                looked = now();
                Session next = following(session);
                if (next != null) {
                    return next;
                }
            }
        }
        return null;
    }

    /** The connection with new credentials. If it cannot be opened, the old one stays in use. */
    private Session following(Session session) {
        try {
            return settings.secret().version().equals(session.version) ? null : new Session(settings);
        } catch (IOException | TimeoutException | GeneralSecurityException | RuntimeException error) {
            System.err.println("the old connection is still in use: " + error);
            return null;
        }
    }

    /** Takes the orders that are due, also those that arrived while there was no connection. */
    private void takeOrders() throws IOException {
        long due = (now() - began) * settings.ordersPerSecond() / 1_000;
        while (!isStopping() && ledger.orders() - ordersBefore < due) {
            ledger.take();
        }
    }

    /**
     * Sends the oldest unconfirmed orders and waits for the answers. An order without a positive answer stays in the outbox,
     * and is sent again with the same ID.
     */
    private void publish(Session session) throws IOException, TimeoutException, InterruptedException {
        List<String> orders = new ArrayList<>(ledger.outbox.keySet());
        orders = orders.subList(0, Math.min(BATCH_SIZE, orders.size()));
        for (String order : orders) {
            resent += ledger.outbox.get(order) > 0 ? 1 : 0;
            ledger.outbox.merge(order, 1, Integer::sum);
            BasicProperties properties =
                new BasicProperties.Builder().deliveryMode(PERSISTENT).messageId(order).build();
            // The broker returns a mandatory message that no queue accepts. Otherwise, it would confirm and drop it.
            byte[] body = order.getBytes(StandardCharsets.UTF_8);
            session.publisher.basicPublish(EXCHANGE, settings.queue(), true, properties, body);
        }
        // False if the broker could not store one of them.
        if (orders.isEmpty() || !session.publisher.waitForConfirms(ANSWER_LIMIT_MS)) {
            return;
        }
        for (String order : orders) {
            // The broker sends the return of a message before its confirmation.
            if (!session.returned.remove(order)) {
                ledger.outbox.remove(order);
                confirmed++;
            }
        }
    }

    /** Does the work first, then acknowledges. */
    private void consume(Session session, Delivery message) throws IOException {
        redelivered += message.getEnvelope().isRedeliver() ? 1 : 0;
        if (!ledger.finish(new String(message.getBody(), StandardCharsets.UTF_8))) {
            duplicates++;
        }
        session.consumer.basicAck(message.getEnvelope().getDeliveryTag(), false);
    }

    private static long now() {
        return System.nanoTime() / 1_000_000;
    }
}
