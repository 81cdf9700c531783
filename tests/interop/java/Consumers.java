/* SPDX-License-Identifier: Apache-2.0 */
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.ConsumerBuilder;
import org.apache.pulsar.client.api.DeadLetterPolicy;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.MessageIdAdv;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.Reader;
import org.apache.pulsar.client.api.SubscriptionType;
import org.apache.pulsar.client.api.TableView;

/** Acknowledgements, redelivery, seeks, zero queues, readers, compacted reading. */
final class Consumers extends Part {

    // ---- acknowledgements ----

    /** One whose acknowledgements are durable when they are answered, and may be of single messages of a batch. */
    private ConsumerBuilder<byte[]> careful(SubscriptionType type) {
        return consumer(type).isAckReceiptEnabled(true).enableBatchIndexAcknowledgment(true);
    }

    private static void isOneBatch(List<MessageId> ids) {
        for (int i = 0; i < ids.size(); i++) {
            equal(i, ((MessageIdAdv) ids.get(i)).getBatchIndex());
            equal(((MessageIdAdv) ids.get(0)).getEntryId(), ((MessageIdAdv) ids.get(i)).getEntryId());
        }
    }

    private static void acknowledgeEven(Consumer<byte[]> consumer, List<Message<byte[]>> messages) throws Exception {
        for (int i = 0; i < messages.size(); i += 2)
            consumer.acknowledge(messages.get(i));
    }

    void messages_of_a_batch_that_are_acknowledged_do_not_come_again() throws Exception {
        isOneBatch(sendBatch(numbers(0, 10)));
        try (Consumer<byte[]> consumer = careful(SubscriptionType.Shared).subscribe()) {
            acknowledgeEven(consumer, expect(consumer, numbers(0, 10)));
        }
        try (Consumer<byte[]> consumer = careful(SubscriptionType.Shared).subscribe()) {
            expect(consumer, "1", "3", "5", "7", "9");
            send("end");
            expect(consumer, "end");
        }
    }

    void an_acknowledgement_with_a_receipt_survives_a_crash_of_the_broker() throws Exception {
        send(numbers(0, 10));
        isOneBatch(sendBatch(numbers(10, 20)));
        try (Consumer<byte[]> consumer = careful(SubscriptionType.Shared).subscribe()) {
            acknowledgeEven(consumer, expect(consumer, numbers(0, 20)));
            broker.crash(topic);
        }
        try (Consumer<byte[]> consumer = careful(SubscriptionType.Shared).subscribe()) {
            expect(consumer, "1", "3", "5", "7", "9", "11", "13", "15", "17", "19");
            send("end");
            expect(consumer, "end");
        }
    }

    void a_cumulative_acknowledgement_may_end_inside_a_batch() throws Exception {
        isOneBatch(sendBatch(numbers(0, 10)));
        try (Consumer<byte[]> consumer = careful(SubscriptionType.Exclusive).subscribe()) {
            consumer.acknowledgeCumulative(expect(consumer, numbers(0, 10)).get(4));
        }
        try (Consumer<byte[]> consumer = careful(SubscriptionType.Exclusive).subscribe()) {
            expect(consumer, numbers(5, 10));
        }
    }

    // ---- redelivery ----

    void a_message_that_is_refused_comes_again_counted_and_ends_as_a_dead_letter() throws Exception {
        String dead = topic + "-dead";
        try (Consumer<byte[]> consumer = consumer(SubscriptionType.Shared)
                .negativeAckRedeliveryDelay(10, TimeUnit.MILLISECONDS)
                .deadLetterPolicy(DeadLetterPolicy.builder().maxRedeliverCount(2).deadLetterTopic(dead)
                        .initialSubscriptionName("s").build())
                .subscribe()) {
            send("poison");
            for (int count = 0; count <= 2; count++) {
                Message<byte[]> message = expect(consumer, "poison").get(0);
                equal(count, message.getRedeliveryCount());
                consumer.negativeAcknowledge(message);
            }
            String from = topic;
            /* The letter is written when the message comes once more: the consumer must be asked. */
            var next = consumer.receiveAsync();
            topic = dead;
            eventually(SECONDS, () -> subscribed(dead));
            Message<byte[]> letter = expect(consumer(SubscriptionType.Exclusive).subscribe(), "poison").get(0);
            equal(from, letter.getProperty("REAL_TOPIC"));
            that(letter.getProperty("ORIGIN_MESSAGE_ID") != null, "the letter does not say which message it was");
            topic = from;
            send("end");
            equal("end", text(next.get(SECONDS, TimeUnit.SECONDS)));
        }
    }

    private boolean subscribed(String topic) {
        try {
            return broker.admin("GET", topic, "/subscriptions", null).contains("\"s\"");
        } catch (Throwable e) {
            return false; /* the topic is not there yet */
        }
    }

    void a_message_is_consumed_again_later_by_way_of_the_retry_topic() throws Exception {
        try (Consumer<byte[]> consumer = consumer(SubscriptionType.Shared).enableRetry(true)
                .deadLetterPolicy(DeadLetterPolicy.builder().maxRedeliverCount(5).build()).subscribe()) {
            send("x");
            long began = System.currentTimeMillis();
            consumer.reconsumeLater(expect(consumer, "x").get(0), 500, TimeUnit.MILLISECONDS);
            Message<byte[]> again = expect(consumer, "x").get(0);
            that(System.currentTimeMillis() >= began + 500, "it came too early");
            equal("1", again.getProperty("RECONSUMETIMES"));
            equal(topic, again.getProperty("REAL_TOPIC"));
        }
    }

    void a_negative_acknowledgement_lets_one_message_wait_and_no_other() throws Exception {
        try (Consumer<byte[]> consumer = consumer(SubscriptionType.Shared)
                .negativeAckRedeliveryDelay(500, TimeUnit.MILLISECONDS).subscribe()) {
            send(numbers(0, 3));
            List<Message<byte[]>> messages = expect(consumer, numbers(0, 3));
            long began = System.currentTimeMillis();
            consumer.negativeAcknowledge(messages.get(1));
            consumer.acknowledge(messages.get(0));
            consumer.acknowledge(messages.get(2));
            send("3");
            consumer.acknowledge(expect(consumer, "3").get(0));
            Message<byte[]> again = expect(consumer, "1").get(0);
            that(System.currentTimeMillis() >= began + 400, "it came too early"); /* the client's timer rounds */
            equal(1, again.getRedeliveryCount());
        }
    }

    void what_is_not_acknowledged_in_time_comes_again() throws Exception {
        try (Consumer<byte[]> consumer = consumer(SubscriptionType.Shared).ackTimeout(1, TimeUnit.SECONDS)
                .ackTimeoutTickTime(100, TimeUnit.MILLISECONDS).subscribe()) {
            send("0", "1");
            List<Message<byte[]>> messages = expect(consumer, "0", "1");
            consumer.acknowledge(messages.get(0));
            equal(1, expect(consumer, "1").get(0).getRedeliveryCount());
        }
    }

    // ---- seeks ----

    void a_seek_goes_to_an_id_and_to_either_end() throws Exception {
        List<MessageId> ids = send(numbers(0, 10));
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Exclusive);
        consumer.acknowledgeCumulative(expect(consumer, numbers(0, 10)).get(9));
        consumer.seek(ids.get(3));
        expect(consumer, numbers(4, 10));
        consumer.seek(MessageId.earliest);
        expect(consumer, numbers(0, 10));
        consumer.seek(MessageId.latest);
        send("end");
        expect(consumer, "end");
    }

    void a_seek_goes_into_a_batch() throws Exception {
        List<MessageId> ids = sendBatch(numbers(0, 10));
        isOneBatch(ids);
        Consumer<byte[]> after = consumer(SubscriptionType.Exclusive).subscribe();
        after.acknowledgeCumulative(expect(after, numbers(0, 10)).get(9));
        after.seek(ids.get(3));
        expect(after, numbers(4, 10));
        after.close();
        Consumer<byte[]> at = consumer(SubscriptionType.Exclusive).startMessageIdInclusive().subscribe();
        at.seek(ids.get(3));
        expect(at, numbers(3, 10));
    }

    void a_seek_goes_to_a_time() throws Exception {
        sendAged(3_600_000, "0", "1");
        sendAged(60_000, "2");
        sendAged(0, "3");
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Exclusive);
        expect(consumer, numbers(0, 4));
        consumer.seek(System.currentTimeMillis() - 1_800_000);
        expect(consumer, "2", "3");
        consumer.seek(System.currentTimeMillis() - 7_200_000);
        expect(consumer, numbers(0, 4));
    }

    void a_reader_starts_so_long_ago() throws Exception {
        sendAged(3 * 3_600_000, "0");
        sendAged(60_000, "1");
        sendAged(0, "2");
        try (Reader<byte[]> reader = client.newReader().topic(topic)
                .startMessageFromRollbackDuration(1, TimeUnit.HOURS).create()) {
            equal("1", text(reader.readNext(SECONDS, TimeUnit.SECONDS)));
            equal("2", text(reader.readNext(SECONDS, TimeUnit.SECONDS)));
            that(!reader.hasMessageAvailable(), "more than was sent");
        }
    }

    void a_reader_reads_until_there_is_no_more() throws Exception {
        List<MessageId> ids = sendBatch(numbers(0, 5));
        try (Reader<byte[]> reader = client.newReader().topic(topic).startMessageId(MessageId.earliest).create()) {
            MessageIdAdv last = (MessageIdAdv) reader.getLastMessageIds().get(0);
            equal(((MessageIdAdv) ids.get(4)).getEntryId(), last.getEntryId());
            equal(4, last.getBatchIndex());
            for (int i = 0; i < 5; i++) {
                that(reader.hasMessageAvailable(), "less than was sent");
                equal(Integer.toString(i), text(reader.readNext(SECONDS, TimeUnit.SECONDS)));
            }
            that(!reader.hasMessageAvailable(), "more than was sent");
        }
    }

    // ---- queues ----

    void a_consumer_without_a_queue_holds_nothing_that_it_did_not_ask_for() throws Exception {
        Consumer<byte[]> none = consumer(SubscriptionType.Shared).receiverQueueSize(0).subscribe();
        Consumer<byte[]> other = consumer(SubscriptionType.Shared).receiverQueueSize(1).subscribe();
        send(numbers(0, 4));
        for (Message<byte[]> message : expect(other, numbers(0, 4)))
            other.acknowledge(message);
        var asked = none.receiveAsync();
        other.close();
        send("4");
        equal("4", text(asked.get(SECONDS, TimeUnit.SECONDS)));
    }

    // ---- compaction ----

    private void sendKeyed(String... keysAndValues) throws Exception {
        try (Producer<byte[]> producer = producer().create()) {
            for (String pair : keysAndValues) {
                String[] both = pair.split("=", 2);
                producer.newMessage().key(both[0]).value(both[1].isEmpty() ? null : bytes(both[1])).send();
            }
        }
    }

    void readers_of_the_compacted_topic_and_tables_see_the_last_value_of_each_key() throws Exception {
        sendKeyed("a=1", "b=1", "a=2", "c=1", "b=", "a=3");
        broker.admin("PUT", topic, "/compaction", null);
        eventually(SECONDS, () -> broker.admin("GET", topic, "/compaction", null).contains("SUCCESS"));
        sendKeyed("d=1");
        try (Reader<byte[]> reader = client.newReader().topic(topic).readCompacted(true)
                .startMessageId(MessageId.earliest).create()) {
            for (String wanted : new String[] {"c=1", "a=3", "d=1"}) {
                Message<byte[]> message = reader.readNext(SECONDS, TimeUnit.SECONDS);
                equal(wanted, message.getKey() + "=" + text(message));
            }
            that(!reader.hasMessageAvailable(), "more than the last values");
        }
        try (TableView<byte[]> table = client.newTableView().topic(topic).create()) {
            equal(3, table.size());
            equal("3", new String(table.get("a")));
            that(!table.containsKey("b"), "what was deleted is there");
            sendKeyed("a=4", "c=");
            eventually(SECONDS, () -> new String(table.get("a")).equals("4") && !table.containsKey("c"));
        }
    }
}
