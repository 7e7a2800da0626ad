package client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/**
 * The orders by their IDs. In a real service, {@code taken} is the outbox in its database, and {@code done} is a table with
 * a unique key.
 */
final class Ledger {
    private final Path taken;
    private final Path done;
    private final Set<String> known;
    private int orders;
    /** The number of attempts to send each unconfirmed order. The IDs sort by age. */
    final TreeMap<String, Integer> outbox = new TreeMap<>();

    /** Reads the work of earlier runs. Their orders that are not done may be unconfirmed. */
    Ledger(Path folder) throws IOException {
        Files.createDirectories(folder);
        taken = folder.resolve("taken");
        done = folder.resolve("done");
        List<String> before = lines(taken);
        orders = before.size();
        known = new HashSet<>(lines(done));
        before.stream().filter(order -> !known.contains(order)).forEach(order -> outbox.put(order, 0));
    }

    int orders() {
        return orders;
    }

    void take() throws IOException {
        String order = String.format("order-%07d", orders + 1);
        append(taken, order);
        orders++;
        outbox.put(order, 0);
    }

    /** Does the work for an order, unless it is done already. Returns whether it was done now. */
    boolean finish(String order) throws IOException {
        if (known.contains(order)) {
            return false;
        }
        append(done, order);
        return known.add(order);
    }

    boolean isComplete() {
        return outbox.isEmpty() && known.size() >= orders;
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    private static void append(Path file, String line) throws IOException {
        Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
