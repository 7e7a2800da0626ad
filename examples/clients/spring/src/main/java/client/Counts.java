package client;

import java.util.concurrent.atomic.LongAdder;
import org.springframework.stereotype.Component;

/** What happened, for the report. */
@Component
class Counts {
    final LongAdder confirmed = new LongAdder();
    final LongAdder resent = new LongAdder();
    final LongAdder redelivered = new LongAdder();
    final LongAdder duplicates = new LongAdder();
    final LongAdder replaced = new LongAdder();
    final LongAdder lost = new LongAdder();

    String report() {
        return String.format(
            "{\"confirmed\":%d,\"resent\":%d,\"redelivered\":%d,\"duplicates\":%d,\"replaced\":%d,\"lost\":%d}",
            confirmed.sum(), resent.sum(), redelivered.sum(), duplicates.sum(), replaced.sum(), lost.sum());
    }
}
