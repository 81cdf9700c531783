/* SPDX-License-Identifier: Apache-2.0 */
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.MessageIdAdv;
import org.apache.pulsar.client.api.MessageListener;
import org.apache.pulsar.client.api.MessageRoutingMode;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClientException.TopicTerminatedException;
import org.apache.pulsar.client.api.Reader;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;

/** Partitioned, non-persistent, terminated, unloaded topics, and those that match a pattern. */
final class Topics extends Part {

    void a_partitioned_topic_grows_under_its_producer_and_consumer() throws Exception {
        broker.admin("PUT", topic, "/partitions", "2");
        Consumer<byte[]> consumer = consumer(SubscriptionType.Exclusive).autoUpdatePartitionsInterval(1, TimeUnit.SECONDS)
                .subscribe();
        Set<String> sent = new HashSet<>();
        Set<Integer> partitions = new HashSet<>();
        try (Producer<byte[]> producer = producer().autoUpdatePartitionsInterval(1, TimeUnit.SECONDS)
                .messageRoutingMode(MessageRoutingMode.RoundRobinPartition).create()) {
            eventually(SECONDS, () -> sendNext(producer, sent, partitions) == 2);
            broker.admin("POST", topic, "/partitions", "4");
            equal(4, client.getPartitionsForTopic(topic, false).get().size());
            eventually(SECONDS, () -> sendNext(producer, sent, partitions) == 4);
        }
        while (!sent.isEmpty())
            that(sent.remove(text(receive(consumer))), "a message came twice");
    }

    private static int sendNext(Producer<byte[]> producer, Set<String> sent, Set<Integer> partitions) throws Exception {
        String text = Integer.toString(sent.size());
        MessageId id = producer.send(bytes(text));
        sent.add(text);
        partitions.add(((MessageIdAdv) id).getPartitionIndex());
        return partitions.size();
    }

    void a_key_has_its_partition() throws Exception {
        broker.admin("PUT", topic, "/partitions", "3");
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Exclusive);
        try (Producer<byte[]> producer = producer().create()) {
            for (int i = 0; i < 60; i++)
                producer.newMessage().key("key-" + i % 6).value(bytes(Integer.toString(i))).send();
        }
        int[] next = {0, 1, 2, 3, 4, 5};
        Set<String> pairs = new HashSet<>();
        for (int i = 0; i < 60; i++) {
            Message<byte[]> message = receive(consumer);
            int key = Integer.parseInt(message.getKey().substring(4));
            equal(next[key], Integer.parseInt(text(message)));
            next[key] += 6;
            pairs.add(message.getKey() + message.getTopicName());
        }
        equal(6, pairs.size());
    }

    void a_non_persistent_topic_passes_on_and_keeps_nothing() throws Exception {
        topic = topic.replace("persistent:", "non-persistent:");
        send("nobody is there");
        Consumer<byte[]> early = subscribe(SubscriptionType.Shared);
        send("0", "1");
        expect(early, "0", "1");
        Consumer<byte[]> late = consumer(SubscriptionType.Shared).subscriptionName("late").subscribe();
        send("2");
        expect(early, "2");
        expect(late, "2");
    }

    void a_terminated_topic_is_read_to_its_end_and_takes_nothing_more() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch messages = new CountDownLatch(2);
        Producer<byte[]> producer = producer().create();
        producer.send(bytes("0"));
        producer.send(bytes("1"));
        Consumer<byte[]> consumer = consumer(SubscriptionType.Exclusive).messageListener(new MessageListener<byte[]>() {
            @Override
            public void received(Consumer<byte[]> from, Message<byte[]> message) {
                from.acknowledgeAsync(message);
                messages.countDown();
            }

            @Override
            public void reachedEndOfTopic(Consumer<byte[]> from) {
                end.countDown();
            }
        }).subscribe();
        broker.admin("POST", topic, "/terminate", null);
        that(messages.await(SECONDS, TimeUnit.SECONDS), "not all came");
        that(end.await(SECONDS, TimeUnit.SECONDS), "the end was not told");
        that(consumer.hasReachedEndOfTopic(), "the consumer does not know of the end");
        refused(TopicTerminatedException.class, () -> producer.send(bytes("2")));
        refused(TopicTerminatedException.class, () -> producer().create());
        try (Reader<byte[]> reader = client.newReader().topic(topic).startMessageId(MessageId.earliest).create()) {
            for (int i = 0; i < 2; i++)
                equal(Integer.toString(i), text(reader.readNext(SECONDS, TimeUnit.SECONDS)));
            that(!reader.hasMessageAvailable(), "more than was sent");
        }
    }

    private Consumer<byte[]> subscribePattern(String prefix, int seconds) throws Exception {
        return client.newConsumer().topicsPattern(Pattern.compile(prefix + "-.*")).subscriptionName("s")
                .patternAutoDiscoveryPeriod(seconds, TimeUnit.SECONDS)
                .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest).subscribe();
    }

    void a_pattern_finds_topics_that_come_later_by_watching() throws Exception {
        String prefix = "persistent://public/default/" + UUID.randomUUID().toString().substring(0, 8);
        topic = prefix + "-one";
        send("first");
        Consumer<byte[]> consumer = subscribePattern(prefix, 3600);
        expect(consumer, "first");
        topic = prefix.replace("default/", "default/other-");
        send("does not match");
        topic = prefix + "-two";
        send("second");
        equal(topic, expect(consumer, "second").get(0).getTopicName());
        topic = prefix + "-three";
        broker.admin("PUT", topic, "/partitions", "2");
        send("third");
        expect(consumer, "third");
    }

    void a_pattern_too_long_to_be_watched_finds_them_by_asking() throws Exception {
        String prefix = topic;
        topic = prefix + "-one";
        send("first");
        Consumer<byte[]> consumer = subscribePattern(prefix, 1);
        expect(consumer, "first");
        topic = prefix + "-two";
        send("second");
        expect(consumer, "second");
    }

    void clients_come_back_to_a_topic_that_was_unloaded() throws Exception {
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Exclusive);
        try (Producer<byte[]> producer = producer().create()) {
            for (int i = 0; i < 100; i++) {
                producer.sendAsync(bytes(Integer.toString(i)));
                if (i % 40 == 20)
                    broker.admin("PUT", topic, "/unload", null);
            }
            producer.flush();
        }
        int next = 0;
        while (next < 100) {
            Message<byte[]> message = receive(consumer);
            int number = Integer.parseInt(text(message));
            that(number <= next, next + " is missing before " + number);
            if (number == next)
                next++;
            consumer.acknowledgeCumulative(message);
        }
    }
}
