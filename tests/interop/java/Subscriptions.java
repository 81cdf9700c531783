/* SPDX-License-Identifier: Apache-2.0 */
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.HashSet;
import java.util.ArrayDeque;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.BatcherBuilder;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.ConsumerBuilder;
import org.apache.pulsar.client.api.ConsumerEventListener;
import org.apache.pulsar.client.api.KeySharedPolicy;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClientException.ConsumerAssignException;
import org.apache.pulsar.client.api.PulsarClientException.ConsumerBusyException;
import org.apache.pulsar.client.api.Range;
import org.apache.pulsar.client.api.SubscriptionType;

/** Exclusive, failover, shared and Key_Shared subscriptions. */
final class Subscriptions extends Part {

    void an_exclusive_subscription_has_one_consumer_and_takes_another_type_after_it() throws Exception {
        Consumer<byte[]> first = subscribe(SubscriptionType.Exclusive);
        refused(ConsumerBusyException.class, () -> subscribe(SubscriptionType.Exclusive));
        refused(ConsumerBusyException.class, () -> subscribe(SubscriptionType.Shared));
        first.close();
        Consumer<byte[]> second = subscribe(SubscriptionType.Shared);
        send("a");
        expect(second, "a");
    }

    // ---- failover ----

    /** What consumers are told about themselves: "a active", "b inactive". */
    private static final class Changes {
        private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
        final Map<Integer, String> active = new ConcurrentHashMap<>(); /* by partition */

        ConsumerEventListener of(String name) {
            return new ConsumerEventListener() {
                @Override
                public void becameActive(Consumer<?> consumer, int partition) {
                    active.put(partition, name);
                    told.add(name + " active");
                }

                @Override
                public void becameInactive(Consumer<?> consumer, int partition) {
                    told.add(name + " inactive");
                }
            };
        }

        void await(String... wanted) throws InterruptedException {
            Set<String> left = new HashSet<>(Set.of(wanted));
            while (!left.isEmpty()) {
                String change = told.poll(SECONDS, TimeUnit.SECONDS);
                that(change != null, "never told: " + left);
                left.remove(change);
            }
        }
    }

    private Consumer<byte[]> failover(Changes changes, String name, int priority) throws Exception {
        return consumer(SubscriptionType.Failover).consumerName(name).priorityLevel(priority)
                .consumerEventListener(changes.of(name)).subscribe();
    }

    void failover_goes_to_the_next_consumer_with_what_is_not_acknowledged_and_both_are_told() throws Exception {
        Changes changes = new Changes();
        Consumer<byte[]> a = failover(changes, "a", 0);
        changes.await("a active");
        Consumer<byte[]> b = failover(changes, "b", 1);
        changes.await("b inactive");
        send(numbers(0, 10));
        List<Message<byte[]>> messages = expect(a, numbers(0, 10));
        a.acknowledgeCumulative(messages.get(4));
        a.close();
        changes.await("b active");
        expect(b, numbers(5, 10));
    }

    void failover_prefers_a_better_priority_that_comes_later() throws Exception {
        Changes changes = new Changes();
        Consumer<byte[]> later = failover(changes, "low", 2);
        changes.await("low active");
        Consumer<byte[]> better = failover(changes, "high", 0);
        changes.await("high active", "low inactive");
        send("a");
        expect(better, "a");
        better.close();
        changes.await("low active");
        expect(later, "a");
    }

    void failover_spreads_the_partitions_over_the_consumers() throws Exception {
        broker.admin("PUT", topic, "/partitions", "4");
        Changes changes = new Changes();
        failover(changes, "a", 0);
        failover(changes, "b", 0);
        eventually(SECONDS, () -> changes.active.size() == 4
                && changes.active.values().stream().filter("a"::equals).count() == 2);
    }

    // ---- shared ----

    void a_shared_subscription_fills_the_better_priority_first() throws Exception {
        Consumer<byte[]> better = consumer(SubscriptionType.Shared).priorityLevel(0).receiverQueueSize(5).subscribe();
        Consumer<byte[]> other = consumer(SubscriptionType.Shared).priorityLevel(1).receiverQueueSize(100).subscribe();
        send(numbers(0, 20));
        expect(other, numbers(5, 20));
        expect(better, numbers(0, 5));
    }

    void a_shared_subscription_gives_each_message_to_one_consumer() throws Exception {
        List<Consumer<byte[]>> consumers = new ArrayList<>();
        for (int i = 0; i < 3; i++)
            consumers.add(consumer(SubscriptionType.Shared).receiverQueueSize(10).subscribe());
        send(numbers(0, 30)); /* 30 permits: each consumer gets what it has room for, taken or not */
        Set<String> got = new HashSet<>();
        for (Consumer<byte[]> consumer : consumers)
            for (int i = 0; i < 10; i++)
                that(got.add(text(receive(consumer))), "a message came twice");
        equal(30, got.size());
    }

    // ---- Key_Shared ----

    /** A consumer with a thread that takes and acknowledges; what came is noted for all workers, in one order. */
    private static final class Worker {
        private final Consumer<byte[]> consumer;
        private final Thread thread;
        private volatile boolean leaving;

        Worker(ConsumerBuilder<byte[]> builder, Map<String, List<Integer>> arrived) throws Exception {
            consumer = builder.subscribe();
            thread = new Thread(() -> work(arrived));
            thread.start();
        }

        private void work(Map<String, List<Integer>> arrived) {
            try {
                while (!leaving) {
                    Message<byte[]> message = consumer.receive(20, TimeUnit.MILLISECONDS);
                    if (message == null)
                        continue;
                    synchronized (arrived) {
                        arrived.computeIfAbsent(message.getKey(), key -> new ArrayList<>())
                                .add(Integer.parseInt(text(message)));
                    }
                    consumer.acknowledge(message);
                }
            } catch (Exception e) {
                e.printStackTrace(System.out);
            }
        }

        void leave() throws Exception {
            leaving = true;
            thread.join();
            consumer.close();
        }
    }

    private static int count(Map<String, List<Integer>> arrived) {
        synchronized (arrived) {
            return arrived.values().stream().mapToInt(List::size).sum();
        }
    }

    void key_shared_keeps_the_order_of_each_key_while_consumers_join_and_leave() throws Exception {
        final int messages = 4000;
        final int keys = 40;
        Map<String, List<Integer>> arrived = new HashMap<>();
        Deque<Worker> workers = new ArrayDeque<>();
        ConsumerBuilder<byte[]> builder = consumer(SubscriptionType.Key_Shared).receiverQueueSize(50)
                .enableBatchIndexAcknowledgment(true); /* who leaves inside a batch leaves only its rest */
        workers.add(new Worker(builder.clone(), arrived));
        try (Producer<byte[]> producer = client.newProducer().topic(topic).blockIfQueueFull(true)
                .batcherBuilder(BatcherBuilder.KEY_BASED).create()) {
            for (int i = 0; i < messages; i++) {
                producer.newMessage().key("key-" + i % keys).value(bytes(Integer.toString(i / keys))).sendAsync();
                if (i % 500 == 250)
                    workers.add(new Worker(builder.clone(), arrived));
                if (i % 1000 == 999)
                    workers.remove().leave();
            }
            producer.flush();
        }
        workers.remove().leave();
        eventually(SECONDS, () -> count(arrived) >= messages);
        while (!workers.isEmpty())
            workers.remove().leave();
        equal(keys, arrived.size());
        for (Map.Entry<String, List<Integer>> key : arrived.entrySet()) {
            equal(messages / keys, key.getValue().size());
            for (int i = 0; i < messages / keys; i++)
                that(key.getValue().get(i) == i, key.getKey() + " came as " + key.getValue());
        }
    }

    private Consumer<byte[]> sticky(int from, int to) throws Exception {
        return consumer(SubscriptionType.Key_Shared)
                .keySharedPolicy(KeySharedPolicy.stickyHashRange().ranges(Range.of(from, to))).subscribe();
    }

    void key_shared_sticky_ranges_decide_who_gets_a_key_and_do_not_overlap() throws Exception {
        Consumer<byte[]> low = sticky(0, 32767);
        refused(ConsumerAssignException.class, () -> sticky(30000, 40000));
        Consumer<byte[]> high = sticky(32768, 65535);
        try (Producer<byte[]> producer = producer().create()) {
            for (int i = 0; i < 200; i++)
                producer.newMessage().key("key-" + i % 20).value(bytes("x")).send();
        }
        Map<String, Consumer<byte[]>> owner = new HashMap<>();
        int got = 0;
        while (got < 200) {
            for (Consumer<byte[]> consumer : List.of(low, high)) {
                Message<byte[]> message = consumer.receive(20, TimeUnit.MILLISECONDS);
                if (message == null)
                    continue;
                got++;
                Consumer<byte[]> before = owner.put(message.getKey(), consumer);
                that(before == null || before == consumer, message.getKey() + " went to both");
            }
        }
        that(new HashSet<>(owner.values()).size() == 2, "one consumer got all keys");
    }
}
