// SPDX-License-Identifier: Apache-2.0

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.pulsar.client.api.BatcherBuilder;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.ConsumerBuilder;
import org.apache.pulsar.client.api.ConsumerEventListener;
import org.apache.pulsar.client.api.DeadLetterPolicy;
import org.apache.pulsar.client.api.KeySharedPolicy;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.MessageIdAdv;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.ProducerAccessMode;
import org.apache.pulsar.client.api.ProducerBuilder;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.PulsarClientException;
import org.apache.pulsar.client.api.Range;
import org.apache.pulsar.client.api.Reader;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;
import org.apache.pulsar.client.api.TableView;

/**
 * The official Java client against a broker: Interop SERVICE_URL HTTP_URL [WORD...] runs the tests whose names have one
 * of the words, or all. A test is a method without parameters; its name is its sentence. No test sleeps: that nothing
 * comes is told by something that comes after it. Runs unmodified against Apache Pulsar, with batch index
 * acknowledgement on.
 */
public class Interop {
    static final int SECONDS = 30; // in which what must come, comes

    static String http;
    static PulsarClient client;

    // ---- what tests are made of ----

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void same(Object expected, Object got) {
        check(Objects.equals(expected, got), "expected " + expected + ", got " + got);
    }

    interface Action {
        void run() throws Exception;
    }

    static void refused(Class<? extends Exception> how, Action action) throws Exception {
        try {
            action.run();
        } catch (Exception e) {
            check(how.isInstance(e), "expected " + how.getSimpleName() + ", got " + e);
            return;
        }
        throw new AssertionError("expected " + how.getSimpleName());
    }

    static String newTopic() {
        return "persistent://public/default/java-" + UUID.randomUUID();
    }

    static String path(String topic) {
        return "/admin/v2/" + topic.replace("://", "/");
    }

    static HttpResponse<String> ask(String method, String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(http + path))
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .header("Content-Type", "application/json")
                .build();
        return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    }

    static String done(String method, String path, String body) throws Exception {
        HttpResponse<String> answer = ask(method, path, body);
        check(answer.statusCode() / 100 == 2, method + " " + path + ": " + answer.statusCode() + " " + answer.body());
        return answer.body();
    }

    static void eventually(String what, java.util.concurrent.Callable<Boolean> holds) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!holds.call()) {
            check(System.nanoTime() < end, "not in time: " + what);
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }

    static ProducerBuilder<byte[]> producer(String topic) {
        return client.newProducer().topic(topic).enableBatching(false);
    }

    /** Batches that end when they are told to. */
    static ProducerBuilder<byte[]> batching(String topic) {
        return client.newProducer().topic(topic).enableBatching(true).batchingMaxPublishDelay(1, TimeUnit.HOURS);
    }

    static ConsumerBuilder<byte[]> consumer(String topic, SubscriptionType type) {
        return client.newConsumer().topic(topic).subscriptionName("s").subscriptionType(type)
                .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest)
                .acknowledgmentGroupTime(0, TimeUnit.MILLISECONDS);
    }

    static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    static String text(Message<byte[]> m) {
        return new String(m.getData(), UTF_8);
    }

    static List<MessageId> send(Producer<byte[]> p, String... texts) throws Exception {
        List<CompletableFuture<MessageId>> sent = new ArrayList<>();
        for (String text : texts) {
            sent.add(p.sendAsync(bytes(text)));
        }
        p.flush();
        List<MessageId> ids = new ArrayList<>();
        for (CompletableFuture<MessageId> one : sent) {
            ids.add(one.get(SECONDS, TimeUnit.SECONDS));
        }
        return ids;
    }

    static Message<byte[]> next(Consumer<byte[]> c) throws Exception {
        Message<byte[]> m = c.receive(SECONDS, TimeUnit.SECONDS);
        check(m != null, "no message came to " + c.getConsumerName());
        return m;
    }

    /** The next messages are these, and are acknowledged. */
    static void expect(Consumer<byte[]> c, String... texts) throws Exception {
        for (String text : texts) {
            Message<byte[]> m = next(c);
            same(text, text(m));
            c.acknowledge(m);
        }
    }

    static String[] numbers(int from, int to) {
        String[] out = new String[to - from];
        for (int i = from; i < to; i++) {
            out[i - from] = Integer.toString(i);
        }
        return out;
    }

    // ---- subscriptions ----

    static void anExclusiveSubscriptionHasOneConsumer() throws Exception {
        String topic = newTopic();
        try (Consumer<byte[]> one = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
            refused(PulsarClientException.ConsumerBusyException.class,
                    () -> consumer(topic, SubscriptionType.Exclusive).subscribe());
        }
        consumer(topic, SubscriptionType.Exclusive).subscribe().close();
    }

    static void failoverPassesToTheNextConsumerAndSaysSo() throws Exception {
        String topic = newTopic();
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        ConsumerEventListener listener = new ConsumerEventListener() {
            public void becameActive(Consumer<?> c, int partition) {
                told.add("active " + c.getConsumerName());
            }

            public void becameInactive(Consumer<?> c, int partition) {
                told.add("inactive " + c.getConsumerName());
            }
        };
        try (Producer<byte[]> p = producer(topic).create()) {
            ConsumerBuilder<byte[]> builder =
                    consumer(topic, SubscriptionType.Failover).consumerEventListener(listener);
            Consumer<byte[]> a = builder.clone().consumerName("a").priorityLevel(0).subscribe();
            same("active a", told.poll(SECONDS, TimeUnit.SECONDS));
            Consumer<byte[]> b = builder.clone().consumerName("b").priorityLevel(1).subscribe();
            same("inactive b", told.poll(SECONDS, TimeUnit.SECONDS));
            send(p, "1", "2");
            expect(a, "1");
            a.close();
            same("active b", told.poll(SECONDS, TimeUnit.SECONDS));
            expect(b, "2");
            b.close();
        }
    }

    static void consumersThatShareGetEachMessageOnce() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> a = consumer(topic, SubscriptionType.Shared).receiverQueueSize(5).subscribe();
                Consumer<byte[]> b = consumer(topic, SubscriptionType.Shared).receiverQueueSize(5).subscribe()) {
            send(p, numbers(0, 100));
            List<String> got = new ArrayList<>();
            int[] each = new int[2];
            while (got.size() < 100) {
                for (int i = 0; i < 2; i++) {
                    Message<byte[]> m = (i == 0 ? a : b).receive(50, TimeUnit.MILLISECONDS);
                    if (m != null) {
                        got.add(text(m));
                        each[i]++;
                        (i == 0 ? a : b).acknowledge(m);
                    }
                }
            }
            same(100, new HashSet<>(got).size());
            check(each[0] > 0 && each[1] > 0, "one of them got nothing: " + Arrays.toString(each));
        }
    }

    static void theHigherPriorityIsServedFirst() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> low = consumer(topic, SubscriptionType.Shared).priorityLevel(1).subscribe();
                Consumer<byte[]> high =
                        consumer(topic, SubscriptionType.Shared).priorityLevel(0).receiverQueueSize(10).subscribe()) {
            send(p, numbers(0, 12));
            for (int i = 0; i < 2; i++) {
                low.acknowledge(next(low)); // what is more than the other one has room for
            }
            for (int i = 0; i < 10; i++) {
                high.acknowledge(next(high));
            }
        }
    }

    static void aKeyStaysWithItsConsumerAndInOrder() throws Exception {
        String topic = newTopic();
        Map<String, String> owner = new HashMap<>();
        Map<String, Integer> last = new HashMap<>();
        try (Producer<byte[]> p = client.newProducer().topic(topic).batcherBuilder(BatcherBuilder.KEY_BASED).create();
                Consumer<byte[]> a = consumer(topic, SubscriptionType.Key_Shared).consumerName("a").subscribe();
                Consumer<byte[]> b = consumer(topic, SubscriptionType.Key_Shared).consumerName("b").subscribe()) {
            for (int i = 0; i < 200; i++) {
                p.newMessage().key("k" + i % 20).value(bytes(Integer.toString(i))).sendAsync();
            }
            p.flush();
            for (int got = 0; got < 200; ) {
                for (Consumer<byte[]> c : List.of(a, b)) {
                    Message<byte[]> m = c.receive(50, TimeUnit.MILLISECONDS);
                    if (m == null) {
                        continue;
                    }
                    got++;
                    owner.putIfAbsent(m.getKey(), c.getConsumerName());
                    same(owner.get(m.getKey()), c.getConsumerName());
                    int number = Integer.parseInt(text(m));
                    check(last.getOrDefault(m.getKey(), -1) < number, "out of order: " + m.getKey());
                    last.put(m.getKey(), number);
                    c.acknowledge(m);
                }
            }
            same(2, new HashSet<>(owner.values()).size());
        }
    }

    static void rangesOfKeysAreTakenAsGivenAndMustNotOverlap() throws Exception {
        String topic = newTopic();
        ConsumerBuilder<byte[]> builder = consumer(topic, SubscriptionType.Key_Shared);
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> all = builder.clone()
                        .keySharedPolicy(KeySharedPolicy.stickyHashRange().ranges(Range.of(0, 65535))).subscribe()) {
            refused(PulsarClientException.class, () -> builder.clone()
                    .keySharedPolicy(KeySharedPolicy.stickyHashRange().ranges(Range.of(5, 6))).subscribe());
            p.newMessage().key("k").value(bytes("1")).send();
            expect(all, "1");
        }
    }

    // ---- topics ----

    static void aPartitionedTopicIsOneTopicToItsUsersAndMayGrow() throws Exception {
        String topic = newTopic();
        done("PUT", path(topic) + "/partitions", "3");
        same(3, client.getPartitionsForTopic(topic, false).get(SECONDS, TimeUnit.SECONDS).size());
        try (Producer<byte[]> p = producer(topic).autoUpdatePartitionsInterval(1, TimeUnit.SECONDS).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Shared)
                        .autoUpdatePartitionsInterval(1, TimeUnit.SECONDS).subscribe()) {
            Set<String> from = new TreeSet<>();
            send(p, numbers(0, 9));
            for (int i = 0; i < 9; i++) {
                Message<byte[]> m = next(c);
                from.add(m.getTopicName());
                c.acknowledge(m);
            }
            same(3, from.size());
            done("POST", path(topic) + "/partitions", "4");
            eventually("a message of the new partition", () -> {
                send(p, numbers(0, 4));
                boolean found = false;
                for (int i = 0; i < 4; i++) {
                    Message<byte[]> m = next(c);
                    found |= m.getTopicName().endsWith("-partition-3");
                    c.acknowledge(m);
                }
                return found;
            });
        }
    }

    static void aNonPersistentTopicKeepsNothing() throws Exception {
        String topic = newTopic().replace("persistent://", "non-persistent://");
        try (Producer<byte[]> p = producer(topic).create()) {
            send(p, "lost");
            try (Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
                send(p, "1", "2");
                expect(c, "1", "2");
            }
        }
    }

    static void theEndOfATerminatedTopicIsReached() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
            send(p, "1");
            done("POST", path(topic) + "/terminate", "");
            refused(PulsarClientException.TopicTerminatedException.class, () -> p.send(bytes("2")));
            expect(c, "1");
            eventually("the end of the topic", c::hasReachedEndOfTopic);
        }
    }

    static void anUnloadedTopicIsFoundAgainAndLosesNothing() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
            send(p, "1");
            expect(c, "1");
            done("PUT", path(topic) + "/unload", "");
            send(p, "2");
            expect(c, "2");
        }
    }

    static void aPatternFollowsTopicsThatComeLater() throws Exception {
        String base = newTopic();
        Producer<byte[]> first = producer(base + "-1").create();
        try (Consumer<byte[]> c = client.newConsumer().topicsPattern(Pattern.compile(base + "-.*"))
                .subscriptionName("s").subscriptionInitialPosition(SubscriptionInitialPosition.Earliest)
                .patternAutoDiscoveryPeriod(1, TimeUnit.SECONDS).subscribe()) {
            send(first, "1");
            expect(c, "1");
            Producer<byte[]> second = producer(base + "-2").create();
            send(second, "2");
            expect(c, "2");
            second.close();
        }
        first.close();
    }

    static void aReaderOfTheCompactedViewSeesTheLastOfEachKey() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create()) {
            for (int i = 0; i < 30; i++) {
                p.newMessage().key("k" + i % 3).value(bytes(Integer.toString(i))).send();
            }
            p.newMessage().key("k0").value(null).send(); // its grave
            done("PUT", path(topic) + "/compaction", "");
            eventually("compaction", () -> done("GET", path(topic) + "/compaction", "").contains("SUCCESS"));
            try (Reader<byte[]> r = client.newReader().topic(topic).startMessageId(MessageId.earliest)
                    .readCompacted(true).create()) {
                Map<String, String> view = new LinkedHashMap<>();
                while (r.hasMessageAvailable()) {
                    Message<byte[]> m = r.readNext(SECONDS, TimeUnit.SECONDS);
                    view.put(m.getKey(), text(m));
                }
                same(Map.of("k1", "28", "k2", "29"), view);
            }
        }
    }

    static void aTableViewFollowsItsTopic() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create()) {
            p.newMessage().key("a").value(bytes("1")).send();
            try (TableView<byte[]> view = client.newTableView().topic(topic).create()) {
                same("1", new String(view.get("a"), UTF_8));
                p.newMessage().key("a").value(bytes("2")).send();
                eventually("the new value", () -> "2".equals(new String(view.get("a"), UTF_8)));
            }
        }
    }

    // ---- producers ----

    static void anExclusiveProducerIsAloneUntilItIsFenced() throws Exception {
        String topic = newTopic();
        ProducerBuilder<byte[]> builder = producer(topic);
        Producer<byte[]> one = builder.clone().accessMode(ProducerAccessMode.Exclusive).create();
        refused(PulsarClientException.ProducerBusyException.class,
                () -> builder.clone().accessMode(ProducerAccessMode.Shared).create());
        refused(PulsarClientException.ProducerFencedException.class,
                () -> builder.clone().accessMode(ProducerAccessMode.Exclusive).create());
        Producer<byte[]> two = builder.clone().accessMode(ProducerAccessMode.ExclusiveWithFencing).create();
        refused(PulsarClientException.class, () -> one.send(bytes("1")));
        send(two, "2");
        two.close();
    }

    static void aProducerMayWaitToBeExclusive() throws Exception {
        String topic = newTopic();
        Producer<byte[]> one = producer(topic).accessMode(ProducerAccessMode.Exclusive).create();
        CompletableFuture<Producer<byte[]>> two =
                producer(topic).accessMode(ProducerAccessMode.WaitForExclusive).createAsync();
        send(one, "1");
        check(!two.isDone(), "it did not wait");
        one.close();
        send(two.get(SECONDS, TimeUnit.SECONDS), "2");
        two.get().close();
    }

    static void aMessageThatWasSentBeforeIsNotStoredAgain() throws Exception {
        String topic = newTopic();
        done("PUT", path(topic), "");
        done("POST", path(topic) + "/deduplicationEnabled", "true");
        try (Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
            for (int life = 0; life < 2; life++) {
                try (Producer<byte[]> p = producer(topic).producerName("p").create()) {
                    same(life == 0 ? -1L : 4L, p.getLastSequenceId());
                    for (int i = 0; i < 5 + life; i++) {
                        p.newMessage().sequenceId(i).value(bytes(Integer.toString(i))).send();
                    }
                }
            }
            expect(c, numbers(0, 6));
            same(null, c.receive(1, TimeUnit.MILLISECONDS));
        }
    }

    static void aMessageLargerThanTheBoundGoesInChunks() throws Exception {
        String topic = newTopic();
        byte[] large = new byte[12 << 20];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * 31 >> 7);
        }
        try (Producer<byte[]> p = producer(topic).enableChunking(true).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
            p.send(large);
            Message<byte[]> m = next(c);
            check(Arrays.equals(large, m.getData()), "it came otherwise than it was sent");
            c.acknowledge(m);
            send(p, "small");
            expect(c, "small");
        }
    }

    // ---- consumers ----

    static void singleMessagesOfABatchAreAcknowledged() throws Exception {
        String topic = newTopic();
        ConsumerBuilder<byte[]> builder =
                consumer(topic, SubscriptionType.Shared).enableBatchIndexAcknowledgment(true);
        try (Producer<byte[]> p = batching(topic).create()) {
            try (Consumer<byte[]> c = builder.clone().subscribe()) {
                send(p, numbers(0, 10));
                for (int i = 0; i < 10; i++) {
                    Message<byte[]> m = next(c);
                    if (i % 2 == 0) {
                        c.acknowledgeAsync(m).get(SECONDS, TimeUnit.SECONDS);
                    }
                }
            }
            try (Consumer<byte[]> c = builder.clone().isAckReceiptEnabled(true).subscribe()) {
                expect(c, "1", "3", "5", "7", "9");
            }
        }
    }

    static void aCumulativeAcknowledgementMayEndInsideABatch() throws Exception {
        String topic = newTopic();
        ConsumerBuilder<byte[]> builder =
                consumer(topic, SubscriptionType.Exclusive).enableBatchIndexAcknowledgment(true);
        try (Producer<byte[]> p = batching(topic).create()) {
            try (Consumer<byte[]> c = builder.clone().subscribe()) {
                send(p, numbers(0, 5));
                for (int i = 0; i < 3; i++) {
                    Message<byte[]> m = next(c);
                    if (i == 2) {
                        c.acknowledgeCumulativeAsync(m).get(SECONDS, TimeUnit.SECONDS);
                    }
                }
            }
            try (Consumer<byte[]> c = builder.clone().subscribe()) {
                expect(c, "3", "4");
            }
        }
    }

    static void whatIsRefusedComesAgainAndEndsAsADeadLetter() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> dead = client.newConsumer().topic(topic + "-dead").subscriptionName("d").subscribe();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Shared)
                        .negativeAckRedeliveryDelay(10, TimeUnit.MILLISECONDS)
                        .deadLetterPolicy(DeadLetterPolicy.builder().maxRedeliverCount(2)
                                .deadLetterTopic(topic + "-dead").build()).subscribe()) {
            send(p, "bad");
            for (int i = 0; i < 3; i++) {
                Message<byte[]> m = next(c);
                same(i, m.getRedeliveryCount());
                c.negativeAcknowledge(m);
            }
            same("bad", text(next(dead)));
        }
    }

    static void aConsumerGoesBackToAMessageATimeAndIntoABatch() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Producer<byte[]> batches = batching(topic).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).startMessageIdInclusive()
                        .enableBatchIndexAcknowledgment(true).subscribe()) {
            List<MessageId> single = send(p, numbers(0, 3));
            List<MessageId> batch = send(batches, numbers(3, 8));
            expect(c, numbers(0, 8));
            c.seek(single.get(1));
            expect(c, numbers(1, 8));
            c.seek(batch.get(2));
            expect(c, numbers(5, 8));
            c.seek(MessageId.earliest);
            Message<byte[]> first = next(c);
            same("0", text(first));
            c.seek(first.getPublishTime());
            expect(c, numbers(0, 8));
            c.seek(MessageId.latest);
            send(p, "new");
            expect(c, "new");
        }
    }

    static void aConsumerWithoutAQueueAsksForEachMessage() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> none =
                        consumer(topic, SubscriptionType.Shared).receiverQueueSize(0).subscribe();
                Consumer<byte[]> other = consumer(topic, SubscriptionType.Shared).subscribe()) {
            send(p, numbers(0, 5));
            for (int i = 0; i < 5; i++) {
                other.acknowledge(next(other));
            }
            other.close();
            CompletableFuture<Message<byte[]>> asked = none.receiveAsync();
            send(p, "5");
            same("5", text(asked.get(SECONDS, TimeUnit.SECONDS)));
        }
    }

    static void theLastMessageIdIsThatOfTheLastMessage() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = batching(topic).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
            List<MessageId> ids = send(p, "1", "2");
            MessageIdAdv last = (MessageIdAdv) c.getLastMessageIds().get(0);
            MessageIdAdv wanted = (MessageIdAdv) ids.get(1);
            same(wanted.getLedgerId(), last.getLedgerId());
            same(wanted.getEntryId(), last.getEntryId());
            same(1, last.getBatchIndex());
        }
    }

    static void aReaderReadsUntilThereIsNoMore() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = batching(topic).create()) {
            send(p, numbers(0, 5));
            try (Reader<byte[]> r = client.newReader().topic(topic).startMessageId(MessageId.earliest).create()) {
                List<String> got = new ArrayList<>();
                while (r.hasMessageAvailable()) {
                    got.add(text(r.readNext(SECONDS, TimeUnit.SECONDS)));
                }
                same(Arrays.asList(numbers(0, 5)), got);
            }
        }
    }

    // ---- time ----

    static void aDelayedMessageComesAfterThoseThatAreNot() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Shared).subscribe()) {
            long begin = System.currentTimeMillis();
            p.newMessage().value(bytes("late")).deliverAt(begin + 1500).send();
            send(p, "now");
            expect(c, "now", "late");
            check(System.currentTimeMillis() >= begin + 1500, "it came too early");
        }
    }

    static void whatIsToBeTriedLaterComesLaterWithItsCount() throws Exception {
        String topic = newTopic();
        try (Producer<byte[]> p = producer(topic).create();
                Consumer<byte[]> c = consumer(topic, SubscriptionType.Shared).enableRetry(true)
                        .deadLetterPolicy(DeadLetterPolicy.builder().maxRedeliverCount(5)
                                .retryLetterTopic(topic + "-retry").build()).subscribe()) {
            send(p, "again");
            Message<byte[]> m = next(c);
            c.reconsumeLater(m, 500, TimeUnit.MILLISECONDS);
            m = next(c);
            same("again", text(m));
            same("1", m.getProperty("RECONSUMETIMES"));
            c.acknowledge(m);
        }
    }

    static void aFullBacklogStopsProducersAndRoomLetsThemGoOn() throws Exception {
        String namespace = "public/java-" + UUID.randomUUID();
        String topic = "persistent://" + namespace + "/t";
        done("PUT", "/admin/v2/namespaces/" + namespace, "{}");
        done("POST", "/admin/v2/namespaces/" + namespace + "/backlogQuota?backlogQuotaType=destination_storage",
                "{\"limitSize\":10240,\"policy\":\"producer_exception\"}");
        try (Consumer<byte[]> c = consumer(topic, SubscriptionType.Exclusive).subscribe()) {
            Producer<byte[]> p = producer(topic).create();
            eventually("a refusal for the quota", () -> {
                try {
                    p.send(new byte[4096]);
                    producer(topic).create().close();
                    return false;
                } catch (PulsarClientException e) {
                    return true;
                }
            });
            done("POST", path(topic) + "/subscription/s/skip_all", "");
            eventually("a producer again", () -> {
                try {
                    producer(topic).create().close();
                    return true;
                } catch (PulsarClientException e) {
                    return false;
                }
            });
            p.closeAsync();
        }
    }

    // ---- running them ----

    static List<java.lang.reflect.Method> tests(List<String> words) {
        List<java.lang.reflect.Method> found = new ArrayList<>();
        for (java.lang.reflect.Method m : Interop.class.getDeclaredMethods()) {
            boolean test = m.getParameterCount() == 0 && m.getReturnType() == void.class && !m.isSynthetic();
            if (test && (words.isEmpty() || words.stream().anyMatch(m.getName()::contains))) {
                found.add(m);
            }
        }
        Collections.sort(found, (a, b) -> a.getName().compareTo(b.getName()));
        return found;
    }

    public static void main(String[] arguments) throws Exception {
        http = arguments[1];
        int passed = 0;
        List<java.lang.reflect.Method> all = tests(Arrays.asList(arguments).subList(2, arguments.length));
        for (java.lang.reflect.Method test : all) {
            client = PulsarClient.builder().serviceUrl(arguments[0]).operationTimeout(SECONDS, TimeUnit.SECONDS).build();
            try {
                test.invoke(null);
                passed++;
                System.out.println("ok   " + test.getName());
            } catch (java.lang.reflect.InvocationTargetException e) {
                System.out.println("FAIL " + test.getName() + ": " + e.getCause());
            }
            client.shutdown();
        }
        System.out.println("java: " + passed + " of " + all.size() + " pass");
        System.exit(passed == all.size() ? 0 : 1);
    }
}
