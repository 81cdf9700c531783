// SPDX-License-Identifier: Apache-2.0
package org.apache.pulsar.admin.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.pulsar.client.api.ClientBuilder;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.cli.PulsarClientTool;

/**
 * Runs the official command line tools in one process: a command from standard input, a record to standard output.
 *
 * <p>Each line is a list of words in JSON, each record an object: "exit" as the tool's own process would end with, "out" and
 * "err" what it said. The first word chooses the tool: "admin" and "client" are pulsar-admin, one for
 * all lines as in pulsar-shell, and pulsar-client, made new for every line; "hold TOPIC SUBSCRIPTION" keeps a producer and a consumer connected until
 * "release". Started with the word "commands", it tells all commands of pulsar-admin instead; with
 * another word, that is a client.conf's name.
 *
 * <p>It is of the tool's package because what the tool's main calls is protected.
 */
final class Driver {
    private static final String REQUEST_SECONDS = "60";

    private final Properties properties = new Properties();
    private final String serviceUrl;
    private final Admin admin;
    private final List<AutoCloseable> held = new ArrayList<>();
    private final PrintStream answers = System.out;
    private final ObjectMapper mapper = new ObjectMapper();

    /** @param conf a client.conf for the rest, or null */
    private Driver(String httpUrl, String serviceUrl, String conf) throws Exception {
        this.serviceUrl = serviceUrl;
        if (conf != null) {
            try (Reader reader = Files.newBufferedReader(Path.of(conf))) {
                properties.load(reader);
            }
        }
        properties.setProperty("webServiceUrl", httpUrl);
        properties.setProperty("brokerServiceUrl", serviceUrl);
        admin = new Admin(properties);
    }

    /** What a tool prints to; some close it. */
    private static final class Said extends ByteArrayOutputStream {
        PrintStream stream() {
            return new PrintStream(this, true, StandardCharsets.UTF_8);
        }

        String text() {
            return toString(StandardCharsets.UTF_8);
        }
    }

    /** The tool, whose way of ending the process is to return. */
    private static final class Admin extends PulsarAdminTool {
        static {
            allowSystemExit = false;
        }

        Admin(Properties properties) throws Exception {
            super(properties);
        }

        int status(String[] words) {
            commander.setOut(new PrintWriter(System.out, true));
            commander.setErr(new PrintWriter(System.err, true));
            return run(words) ? 0 : 1;
        }
    }

    /** The words with a bound on how long a request may take. */
    private static String[] within(String[] words) {
        List<String> all = new ArrayList<>(List.of("--request-timeout", REQUEST_SECONDS));
        all.addAll(List.of(words));
        return all.toArray(String[]::new);
    }

    private int hold(String topic, String subscription) throws Exception {
        ClientBuilder builder = PulsarClient.builder().serviceUrl(serviceUrl);
        if (properties.containsKey("authPlugin")) {
            builder.authentication(properties.getProperty("authPlugin"), properties.getProperty("authParams"))
                    .tlsTrustCertsFilePath(properties.getProperty("tlsTrustCertsFilePath"));
        }
        PulsarClient client = builder.build();
        held.add(client);
        Consumer<byte[]> consumer = client.newConsumer().topic(topic).subscriptionName(subscription)
                .consumerName("held-consumer").subscribe();
        held.add(0, consumer);
        Producer<byte[]> producer = client.newProducer().topic(topic).producerName("held-producer").create();
        held.add(0, producer);
        producer.send("held".getBytes(StandardCharsets.UTF_8));
        consumer.receive();
        return 0;
    }

    private int release() throws Exception {
        for (AutoCloseable thing : held) {
            thing.close();
        }
        held.clear();
        return 0;
    }

    private int run(List<String> words) throws Exception {
        String[] rest = words.subList(1, words.size()).toArray(String[]::new);
        switch (words.get(0)) {
            case "admin":
                return admin.status(within(rest));
            case "client":
                return new PulsarClientTool(properties).run(rest);
            case "hold":
                return hold(rest[0], rest[1]);
            case "release":
                return release();
            default:
                throw new IllegalArgumentException("no such tool: " + words.get(0));
        }
    }

    private Map<String, Object> record(List<String> words) {
        Said out = new Said();
        Said err = new Said();
        int exit;
        System.setOut(out.stream());
        System.setErr(err.stream());
        try {
            exit = run(words);
        } catch (Throwable thrown) { // a process would end so
            thrown.printStackTrace(System.err);
            exit = 1;
        }
        System.out.flush();
        System.err.flush();
        Map<String, Object> record = new LinkedHashMap<>();
        record.put("exit", exit);
        record.put("out", out.text());
        record.put("err", err.text());
        return record;
    }

    private void serve() throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.setIn(new ByteArrayInputStream(new byte[0]));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            List<String> words = List.of(mapper.readValue(line, String[].class));
            answers.println(mapper.writeValueAsString(record(words)));
            answers.flush();
        }
        release();
    }

    public static void main(String[] words) throws Exception {
        boolean commands = words.length > 2 && words[2].equals("commands");
        Driver driver = new Driver(words[0], words[1], words.length > 2 && !commands ? words[2] : null);
        if (commands) {
            System.out.println(driver.mapper.writerWithDefaultPrettyPrinter()
                    .writeValueAsString(Commands.of(driver.admin.commander)));
        } else {
            driver.serve();
        }
        System.exit(0); // the clients' threads are not waited for
    }
}
