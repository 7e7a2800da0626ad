package client;

import com.rabbitmq.client.Channel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.stereotype.Component;

/** Does the work first, then acknowledges. */
@Component
class Consumer {
    private final Ledger ledger;
    private final Counts counts;

    Consumer(Ledger ledger, Counts counts) {
        this.ledger = ledger;
        this.counts = counts;
    }

    @RabbitListener(queues = "${queue}")
    public void onMessage(Message message, Channel channel) throws IOException {
        if (message.getMessageProperties().isRedelivered()) {
            counts.redelivered.increment();
        }
        if (!ledger.finish(new String(message.getBody(), StandardCharsets.UTF_8))) {
            counts.duplicates.increment();
        }
        channel.basicAck(message.getMessageProperties().getDeliveryTag(), false);
    }
}
