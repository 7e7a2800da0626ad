package client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The orders by their IDs. In a real service, {@code taken} is the outbox in its database, and {@code done} is a table with
 * a unique key. Producer, confirmations and consumer have threads of their own.
 */
final class Ledger {
    /** Both stand for a time, and no time is negative. */
    private static final long NEVER = -2;
    private static final long LONG_AGO = -1;

    private final Path taken;
    private final Path done;
    private final Set<String> known;
    private int orders;
    /** When each unconfirmed order was sent last, in nanoseconds since the start. The IDs sort by age. */
    private final TreeMap<String, Long> outbox = new TreeMap<>();

    /** Reads the work of earlier runs. Their orders that are not done may be unconfirmed. */
    Ledger(Path folder) throws IOException {
        Files.createDirectories(folder);
        taken = folder.resolve("taken");
        done = folder.resolve("done");
        List<String> before = lines(taken);
        orders = before.size();
        known = new HashSet<>(lines(done));
        before.stream().filter(order -> !known.contains(order)).forEach(order -> outbox.put(order, NEVER));
    }

    synchronized int orders() {
        return orders;
    }

    synchronized void take() throws IOException {
        String order = String.format("order-%07d", orders + 1);
        append(taken, order);
        orders++;
        outbox.put(order, NEVER);
    }

    /** Does the work for an order, unless it is done already. Returns whether it was done now. */
    synchronized boolean finish(String order) throws IOException {
        if (known.contains(order)) {
            return false;
        }
        append(done, order);
        return known.add(order);
    }

    synchronized boolean isComplete() {
        return outbox.isEmpty() && known.size() >= orders;
    }

    /** The oldest orders that were never sent, or whose confirmation is late. */
    synchronized List<String> due(int most, long now, long limit) {
        return outbox.entrySet().stream()
            .filter(order -> order.getValue() < 0 || now - order.getValue() > limit)
            .limit(most)
            .map(Map.Entry::getKey)
            .toList();
    }

    /** Marks an order as sent. Returns whether it was sent before. */
    synchronized boolean sent(String order, long now) {
        Long before = outbox.replace(order, now);
        return before != null && before != NEVER;
    }

    /** Marks an order as not confirmed, so that it is sent again at once. */
    synchronized void refused(String order) {
        outbox.replace(order, LONG_AGO);
    }

    /** Removes an order that the broker has confirmed. Returns whether this was its first confirmation. */
    synchronized boolean confirmed(String order) {
        return outbox.remove(order) != null;
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    private static void append(Path file, String line) throws IOException {
        Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
