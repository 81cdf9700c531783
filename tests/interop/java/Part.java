/* SPDX-License-Identifier: Apache-2.0 */
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.ConsumerBuilder;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.ProducerBuilder;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.PulsarClientException;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;

/**
 * What the tests of all parts use: a topic of their own, messages that are short texts, and expectations.  That nothing
 * comes is expected by what comes next: a message sent for that purpose.
 */
abstract class Part {
    static final int SECONDS = 30; /* how long what must come may take */

    Broker broker;
    PulsarClient client;
    String topic;

    void begin(Broker broker, PulsarClient client, String name) throws Exception {
        this.broker = broker;
        this.client = client;
        this.topic = "persistent://public/default/" + name + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    // ---- clients ----

    ConsumerBuilder<byte[]> consumer(SubscriptionType type) {
        return client.newConsumer().topic(topic).subscriptionName("s").subscriptionType(type)
                .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest);
    }

    Consumer<byte[]> subscribe(SubscriptionType type) throws PulsarClientException {
        return consumer(type).subscribe();
    }

    /** Whose messages are stored one by one. */
    ProducerBuilder<byte[]> producer() {
        return client.newProducer().topic(topic).enableBatching(false);
    }

    // ---- messages ----

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(Message<byte[]> message) {
        return new String(message.getData(), StandardCharsets.UTF_8);
    }

    /** "0", "1", ... */
    static String[] numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(Integer::toString).toArray(String[]::new);
    }

    List<MessageId> send(String... texts) throws PulsarClientException {
        List<MessageId> ids = new ArrayList<>();
        try (Producer<byte[]> producer = producer().create()) {
            for (String text : texts)
                ids.add(producer.send(bytes(text)));
        }
        return ids;
    }

    List<MessageId> sendBatch(String... texts) throws Exception {
        List<CompletableFuture<MessageId>> sent = new ArrayList<>();
        try (Producer<byte[]> producer = client.newProducer().topic(topic).batchingMaxMessages(texts.length)
                .batchingMaxPublishDelay(1, TimeUnit.HOURS).create()) {
            for (String text : texts)
                sent.add(producer.sendAsync(bytes(text)));
            producer.flush();
        }
        List<MessageId> ids = new ArrayList<>();
        for (CompletableFuture<MessageId> id : sent)
            ids.add(id.get());
        return ids;
    }

    /** Messages that are as old as they say: their client's clock is slow. */
    void sendAged(long ageMs, String... texts) throws PulsarClientException {
        Clock slow = Clock.offset(Clock.systemUTC(), Duration.ofMillis(-ageMs));
        PulsarClient present = client;
        client = PulsarClient.builder().serviceUrl(broker.url()).ioThreads(1).clock(slow).build();
        send(texts);
        client.closeAsync();
        client = present;
    }

    static Message<byte[]> receive(Consumer<byte[]> consumer) throws PulsarClientException {
        Message<byte[]> message = consumer.receive(SECONDS, TimeUnit.SECONDS);
        if (message == null)
            throw new AssertionError("nothing came");
        return message;
    }

    /** The next messages are these; they are not acknowledged. */
    static List<Message<byte[]>> expect(Consumer<byte[]> consumer, String... texts) throws PulsarClientException {
        List<Message<byte[]>> messages = new ArrayList<>();
        for (String text : texts) {
            Message<byte[]> message = receive(consumer);
            equal(text, text(message));
            messages.add(message);
        }
        return messages;
    }

    // ---- expectations ----

    static void equal(Object wanted, Object got) {
        if (!wanted.equals(got))
            throw new AssertionError("wanted " + wanted + ", got " + got);
    }

    static void that(boolean condition, String otherwise) {
        if (!condition)
            throw new AssertionError(otherwise);
    }

    static void refused(Class<? extends Exception> wanted, Callable<?> attempt) {
        try {
            attempt.call();
        } catch (Exception e) {
            if (wanted.isInstance(e) || wanted.isInstance(e.getCause()))
                return;
            throw new AssertionError("wanted a " + wanted.getSimpleName(), e);
        }
        throw new AssertionError("wanted a " + wanted.getSimpleName() + ", and it went well");
    }

    static void eventually(int seconds, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!condition.call()) {
            that(System.nanoTime() < deadline, "it did not come true in " + seconds + " s");
            Thread.sleep(10);
        }
    }
}
