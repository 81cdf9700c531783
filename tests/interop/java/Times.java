/* SPDX-License-Identifier: Apache-2.0 */
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.PulsarClientException;
import org.apache.pulsar.client.api.SubscriptionType;

/** Delayed delivery, messages that expire, backlogs that are full. */
final class Times extends Part {
    private static final int LATE_MS = 2500; /* what a loaded machine may add; Pulsar's tick is a second */

    private static void expectAt(Consumer<byte[]> consumer, String wanted, long due) throws Exception {
        Message<byte[]> message = expect(consumer, wanted).get(0);
        long late = System.currentTimeMillis() - due;
        that(late >= 0, wanted + " came " + -late + " ms early");
        that(late < LATE_MS, wanted + " came " + late + " ms late");
        consumer.acknowledge(message);
    }

    void delayed_messages_come_at_their_time_in_the_order_of_their_times() throws Exception {
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Shared);
        try (Producer<byte[]> producer = producer().create()) {
            long now = System.currentTimeMillis();
            producer.newMessage().value(bytes("third")).deliverAt(now + 4000).send();
            producer.newMessage().value(bytes("second")).deliverAt(now + 2500).send();
            producer.newMessage().value(bytes("first")).deliverAfter(1, TimeUnit.SECONDS).send();
            producer.send(bytes("at once"));
            consumer.acknowledge(expect(consumer, "at once").get(0));
            expectAt(consumer, "first", now + 1000);
            expectAt(consumer, "second", now + 2500);
            expectAt(consumer, "third", now + 4000);
        }
    }

    void delayed_messages_wait_through_a_crash_of_the_broker() throws Exception {
        Consumer<byte[]> consumer = consumer(SubscriptionType.Shared).isAckReceiptEnabled(true).subscribe();
        long due = System.currentTimeMillis() + 5000;
        try (Producer<byte[]> producer = producer().create()) {
            for (String text : numbers(0, 20))
                producer.newMessage().value(bytes(text)).deliverAt(due).send();
            producer.send(bytes("at once"));
        }
        consumer.acknowledge(expect(consumer, "at once").get(0));
        broker.crash(topic);
        for (String text : numbers(0, 20)) {
            Message<byte[]> message = expect(consumer, text).get(0);
            that(System.currentTimeMillis() >= due, text + " came early");
            consumer.acknowledge(message);
        }
        send("end");
        expect(consumer, "end");
    }

    void messages_expire_at_their_age_and_younger_ones_stay() throws Exception {
        subscribe(SubscriptionType.Exclusive).close();
        sendAged(3_600_000, "old", "old too");
        sendAged(0, "young");
        equal(3L, broker.statistic(topic, "subscriptions", "msgBacklog"));
        broker.admin("POST", topic, "/messageTTL?messageTTL=600", null);
        eventually(120, () -> broker.statistic(topic, "subscriptions", "msgBacklog") == 1);
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Exclusive);
        expect(consumer, "young");
        send("end");
        expect(consumer, "end");
    }

    void a_full_backlog_refuses_producers_until_there_is_room() throws Exception {
        send("first");
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Exclusive);
        broker.admin("POST", topic, "/backlogQuota?backlogQuotaType=destination_storage",
                "{\"limitSize\":10240,\"policy\":\"producer_exception\"}");
        String[] large = {"x".repeat(8192), "y".repeat(8192)};
        client = PulsarClient.builder().serviceUrl(broker.url()).operationTimeout(1, TimeUnit.SECONDS).build();
        eventually(120, () -> isRefused(large)); /* the client tries for its operationTimeout */
        consumer.acknowledgeCumulative(consumer.getLastMessageIds().get(0));
        eventually(120, () -> !isRefused("there is room"));
    }

    private boolean isRefused(String... texts) throws Exception {
        try {
            send(texts);
            return false;
        } catch (PulsarClientException.ProducerBlockedQuotaExceededException
                | PulsarClientException.ProducerBlockedQuotaExceededError e) {
            return true;
        }
    }
}
