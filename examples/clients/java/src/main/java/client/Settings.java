package client;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The command line: {@code --name=value}. It contains no credentials, because they come only from files. */
record Settings(
    String host, int port, String vhost, Path ca, MountedSecret secret, String queue, Path ledger, int ordersPerSecond) {
    static Settings parse(String[] arguments) {
        Map<String, String> given = new HashMap<>();
        for (String argument : arguments) {
            String[] parts = argument.split("=", 2);
            if (parts.length != 2 || !parts[0].startsWith("--")) {
                throw new IllegalArgumentException("expected --name=value, not " + argument);
            }
            given.put(parts[0].substring(2), parts[1]);
        }
        return new Settings(
            required(given, "host"),
            Integer.parseInt(given.getOrDefault("port", "5671")),
            given.getOrDefault("vhost", "clients"),
            given.containsKey("ca") ? Path.of(given.get("ca")) : null,
            new MountedSecret(Path.of(required(given, "credentials"))),
            required(given, "queue"),
            Path.of(required(given, "ledger")),
            Integer.parseInt(given.getOrDefault("orders-per-second", "10")));
    }

    private static String required(Map<String, String> given, String name) {
        if (!given.containsKey(name)) {
            throw new IllegalArgumentException("--" + name + " is missing");
        }
        return given.get(name);
    }
}
