package client;

import java.util.concurrent.TimeUnit;
import org.springframework.context.ApplicationContext;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;

/** After SIGTERM, finishes the orders that were taken, and prints the counts. */
@Component
class Stop {
    private static final long LIMIT = TimeUnit.SECONDS.toNanos(20);
    private static final long PAUSE_MS = 50;

    private final ApplicationContext context;
    private final Producer producer;
    private final Ledger ledger;
    private final Counts counts;

    Stop(ApplicationContext context, Producer producer, Ledger ledger, Counts counts) {
        this.context = context;
        this.producer = producer;
        this.ledger = ledger;
        this.counts = counts;
    }

    /** Before all others: on this event, the scheduler stops, and the connection factory opens no more connections. */
    @EventListener
    @Order(Ordered.HIGHEST_PRECEDENCE)
    void onClose(ContextClosedEvent event) throws InterruptedException {
        if (event.getApplicationContext() != context) {
            return;
        }
        producer.stop();
        long until = System.nanoTime() + LIMIT;
        while (!ledger.isComplete() && System.nanoTime() < until) {
            producer.work();
            Thread.sleep(PAUSE_MS);
        }
        System.out.println(counts.report());
    }
}
