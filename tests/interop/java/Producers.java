/* SPDX-License-Identifier: Apache-2.0 */
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.MessageIdAdv;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.ProducerAccessMode;
import org.apache.pulsar.client.api.PulsarClientException.ProducerBusyException;
import org.apache.pulsar.client.api.PulsarClientException.ProducerFencedException;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;
import org.apache.pulsar.client.impl.ProducerBuilderImpl;

/** Access modes, sequence ids and deduplication, chunked messages, initial subscriptions. */
final class Producers extends Part {

    // ---- access modes ----

    private Producer<byte[]> producer(ProducerAccessMode mode) throws Exception {
        return producer().accessMode(mode).create();
    }

    void a_name_is_of_one_producer_at_a_time() throws Exception {
        Producer<byte[]> first = producer().producerName("p").create();
        refused(ProducerBusyException.class, () -> producer().producerName("p").create());
        first.close();
        producer().producerName("p").create();
    }

    void an_exclusive_producer_keeps_others_out() throws Exception {
        Producer<byte[]> alone = producer(ProducerAccessMode.Exclusive);
        refused(ProducerFencedException.class, () -> producer(ProducerAccessMode.Exclusive));
        refused(ProducerBusyException.class, () -> producer(ProducerAccessMode.Shared));
        alone.send(bytes("a"));
        alone.close();
        producer(ProducerAccessMode.Shared).send(bytes("b"));
        refused(ProducerFencedException.class, () -> producer(ProducerAccessMode.Exclusive));
        expect(subscribe(SubscriptionType.Exclusive), "a", "b");
    }

    void producers_that_wait_for_exclusive_access_get_it_in_turn() throws Exception {
        Producer<byte[]> first = producer(ProducerAccessMode.Exclusive);
        CompletableFuture<Producer<byte[]>> second =
                producer().accessMode(ProducerAccessMode.WaitForExclusive).createAsync();
        eventually(SECONDS, () -> {
            first.send(bytes("first"));
            return true;
        });
        that(!second.isDone(), "it did not wait");
        first.close();
        second.get(SECONDS, TimeUnit.SECONDS).send(bytes("second"));
        expect(subscribe(SubscriptionType.Exclusive), "first", "second");
    }

    void a_producer_that_fences_sends_the_exclusive_one_away_for_good() throws Exception {
        Producer<byte[]> old = producer(ProducerAccessMode.Exclusive);
        old.send(bytes("old"));
        Producer<byte[]> fencing = producer(ProducerAccessMode.ExclusiveWithFencing);
        fencing.send(bytes("new"));
        refused(ProducerFencedException.class, () -> old.send(bytes("late")));
        fencing.send(bytes("newer"));
        expect(subscribe(SubscriptionType.Exclusive), "old", "new", "newer");
    }

    // ---- sequence ids ----

    private Producer<byte[]> named() throws Exception {
        return producer().producerName("p").create();
    }

    private static MessageIdAdv send(Producer<byte[]> producer, long sequence) throws Exception {
        return (MessageIdAdv) producer.newMessage().sequenceId(sequence).value(bytes(Long.toString(sequence))).send();
    }

    /** Deduplication is on when a message that is sent again is told as a duplicate: it gets no id. */
    private void deduplicate() throws Exception {
        try (Producer<byte[]> producer = producer().producerName("probe").create()) {
            send(producer, 0);
            broker.admin("POST", topic, "/deduplicationEnabled", "true");
            eventually(SECONDS, () -> send(producer, 0).getLedgerId() == -1);
        }
    }

    void what_is_sent_again_is_stored_once_also_after_a_crash_of_the_broker() throws Exception {
        deduplicate();
        try (Producer<byte[]> producer = named()) {
            equal(-1L, producer.getLastSequenceId());
            for (int i = 0; i < 10; i++)
                send(producer, i);
            equal(9L, producer.getLastSequenceId());
        }
        broker.crash(topic);
        try (Producer<byte[]> producer = named()) {
            equal(9L, producer.getLastSequenceId());
            for (int i = 5; i < 15; i++)
                equal(i < 10, send(producer, i).getLedgerId() == -1);
        }
        Consumer<byte[]> consumer = subscribe(SubscriptionType.Exclusive);
        for (int i = 0; i < 15; ) {
            Message<byte[]> message = receive(consumer);
            if (message.getProducerName().equals("p"))
                equal((long) i++, message.getSequenceId());
        }
        send("end");
        expect(consumer, "end");
    }

    // ---- chunks ----

    private static byte[] noise(int seed, int length) {
        byte[] noise = new byte[length];
        new Random(seed).nextBytes(noise);
        return noise;
    }

    void messages_of_12_mb_of_two_producers_pass_in_chunks_and_are_found_again_by_id() throws Exception {
        byte[][] large = {noise(1, 12_000_000), noise(2, 12_000_000)};
        MessageId[] ids = new MessageId[2];
        try (Producer<byte[]> one = producer().enableChunking(true).create();
                Producer<byte[]> other = producer().enableChunking(true).create()) {
            CompletableFuture<MessageId> first = one.sendAsync(large[0]);
            CompletableFuture<MessageId> second = other.sendAsync(large[1]);
            ids[0] = first.get(SECONDS, TimeUnit.SECONDS);
            ids[1] = second.get(SECONDS, TimeUnit.SECONDS);
            one.send(bytes("small"));
        }
        try (Consumer<byte[]> consumer = consumer(SubscriptionType.Shared).startMessageIdInclusive().subscribe()) {
            boolean[] got = new boolean[2];
            for (int i = 0; i < 2; i++) {
                Message<byte[]> message = receive(consumer);
                int which = Arrays.equals(message.getData(), large[0]) ? 0 : 1;
                that(Arrays.equals(message.getData(), large[which]), "the bytes changed");
                that(!got[which], "a message came twice");
                got[which] = true;
                consumer.acknowledge(message);
            }
            consumer.acknowledge(expect(consumer, "small").get(0));
            consumer.seek(ids[1]);
            Message<byte[]> again = receive(consumer);
            while (!again.getMessageId().equals(ids[1])) /* its chunks may begin inside the other message's */
                again = receive(consumer);
            that(Arrays.equals(again.getData(), large[1]), "the bytes changed");
        }
    }

    // ---- initial subscription ----

    void the_initial_subscription_of_a_producer_keeps_its_first_message() throws Exception {
        var builder = (ProducerBuilderImpl<byte[]>) producer();
        try (Producer<byte[]> producer = builder.initialSubscriptionName("s").create()) {
            producer.send(bytes("a"));
        }
        Consumer<byte[]> consumer = consumer(SubscriptionType.Exclusive)
                .subscriptionInitialPosition(SubscriptionInitialPosition.Latest).subscribe();
        expect(consumer, "a");
    }
}
