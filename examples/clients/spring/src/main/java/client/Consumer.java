package client;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.stereotype.Component;

/** Does the work. The container acknowledges after it, and requeues the message if the work throws. */
@Component
class Consumer {
    private final Ledger ledger;
    private final Counts counts;

    Consumer(Ledger ledger, Counts counts) {
        this.ledger = ledger;
        this.counts = counts;
    }

    @RabbitListener(queues = "${queue}")
    public void onMessage(Message message) throws IOException {
        if (message.getMessageProperties().isRedelivered()) {
            counts.redelivered.increment();
        }
        if (!ledger.finish(new String(message.getBody(), StandardCharsets.UTF_8))) {
            counts.duplicates.increment();
        }
    }
}
