package client;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageBuilder;
import org.springframework.amqp.core.MessageDeliveryMode;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

/** Takes orders, and sends each of them until the broker has confirmed it. */
@Component
class Producer {
    private static final Logger LOG = LoggerFactory.getLogger(Producer.class);
    private static final String EXCHANGE = "clients";
    private static final int BATCH_SIZE = 200;
    /** After this time without a confirmation, an order is sent again. */
    private static final long CONFIRM_LIMIT = TimeUnit.SECONDS.toNanos(10);

    private final RabbitTemplate template;
    private final Ledger ledger;
    private final Counts counts;
    private final String queue;
    private final int ordersPerSecond;
    private final long began = System.nanoTime();
    private final int ordersBefore;
    private volatile boolean isStopping;

    Producer(
        RabbitTemplate template,
        Ledger ledger,
        Counts counts,
        @Value("${queue}") String queue,
        @Value("${orders-per-second:10}") int ordersPerSecond) {
        this.template = template;
        this.ledger = ledger;
        this.counts = counts;
        this.queue = queue;
        this.ordersPerSecond = ordersPerSecond;
        ordersBefore = ledger.orders();
        template.setConfirmCallback(this::onAnswer);
    }

    /** Takes no more orders. Those that are taken are still sent. */
    void stop() {
        isStopping = true;
    }

    @Scheduled(fixedDelay = 50)
    synchronized void work() {
        try {
            takeOrders();
            for (String order : ledger.due(BATCH_SIZE, now(), CONFIRM_LIMIT)) {
                send(order);
            }
        } catch (IOException | RuntimeException error) {
            // There is no connection. The orders stay in the outbox.
            LOG.warn("orders wait: {}", error.toString());
        }
    }

    /** Takes the orders that are due, also those that arrived while there was no connection. */
    private void takeOrders() throws IOException {
        long due = TimeUnit.NANOSECONDS.toMillis(now()) * ordersPerSecond / 1_000;
        while (!isStopping && ledger.orders() - ordersBefore < due) {
            ledger.take();
        }
    }

    private void send(String order) {
        Message message = MessageBuilder.withBody(order.getBytes(StandardCharsets.UTF_8))
            .setMessageId(order)
            .setDeliveryMode(MessageDeliveryMode.PERSISTENT)
            .build();
        template.send(EXCHANGE, queue, message, new CorrelationData(order));
        if (ledger.sent(order, now())) {
            counts.resent.increment();
        }
    }

    /** The template sets the returned message before it calls this. A message that no queue accepted is confirmed, too. */
    private void onAnswer(CorrelationData order, boolean isConfirmed, String why) {
        if (order == null) {
            return;
        }
        if (!isConfirmed || order.getReturned() != null) {
            LOG.warn("{} was not confirmed: {}", order.getId(), why);
            ledger.refused(order.getId());
        } else if (ledger.confirmed(order.getId())) {
            counts.confirmed.increment();
        }
    }

    /** The time since the start, in nanoseconds. */
    private long now() {
        return System.nanoTime() - began;
    }
}
