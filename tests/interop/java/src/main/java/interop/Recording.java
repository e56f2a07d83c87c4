package interop;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * What record.py records: each usual request of a client, with values that are told apart easily and never change.
 *
 * <p>Usage: Recording NAME_SERVER TOPIC BROKER. Names and numbers here are those of tests/actors/wire/golden_frames_test.cpp.
 */
public final class Recording {
    private static final int WAIT_SECONDS = 30;

    private final String nameServer;
    private final String topic;
    private final MessageQueue queue;

    private Recording(String[] words) {
        nameServer = words[0];
        topic = words[1];
        queue = new MessageQueue(topic, words[2], 1);
    }

    public static void main(String[] words) throws Exception {
        Recording recording = new Recording(words);
        SendResult sent = recording.produce();
        recording.consume(sent.getOffsetMsgId());
        recording.consumeOrderly();
        System.out.println("DONE");
        System.out.flush();
        // Some client versions leave non-daemon threads behind.
        System.exit(0);
    }

    /** A client id without the machine's address and the process's number. */
    private void name(ClientConfig client, String instance) {
        client.setNamesrvAddr(nameServer);
        client.setClientIP("127.0.0.1");
        client.setInstanceName(instance);
    }

    private Message message(String tag, String keys, String body) {
        return new Message(topic, tag, keys, body.getBytes(StandardCharsets.UTF_8));
    }

    private SendResult produce() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("golden-producers");
        name(producer, "producer");
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        Message first = message("TagA", "order-1 order-2", "first");
        first.setFlag(17);
        first.putUserProperty("colour", "blau \u00fc \u4e2d");
        SendResult sent = producer.send(first, queue);
        producer.sendOneway(message("TagB", "", "one way"), queue);
        Message delayed = message("TagB", "", "delayed");
        delayed.setDelayTimeLevel(3);
        producer.send(delayed, queue);
        byte[] large = new byte[5000];
        Arrays.fill(large, (byte) 'x');
        producer.send(new Message(topic, "TagC", large), queue);
        Message one = message("TagC", "batch-1", "b1");
        one.setFlag(1);
        producer.send(Arrays.asList(one, message("TagC", "batch-2", "b2")), queue);
        // The regular one comes after a second at most.
        Thread.sleep(1500);
        producer.shutdown();
        return sent;
    }

    private DefaultMQPushConsumer consumer(String group, String instance) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        name(consumer, instance);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "TagA || TagB");
        return consumer;
    }

    private static void awaitOne(AtomicInteger received) throws Exception {
        if (!Driver.await(WAIT_SECONDS, () -> received.get() > 0)) {
            throw new IllegalStateException("nothing was received");
        }
        // What follows the listener: the message goes back, or the next pull carries the commit.
        Thread.sleep(2000);
    }

    private void consume(String messageId) throws Exception {
        DefaultMQPushConsumer consumer = consumer("golden-readers", "reader");
        consumer.setMaxReconsumeTimes(5);
        consumer.setPullBatchSize(24);
        // So that messages are consumed before the next pull, which then carries a commit.
        consumer.setPullInterval(1000);
        AtomicInteger received = new AtomicInteger();
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            context.setDelayLevelWhenNextConsume(2);
            return received.getAndAdd(messages.size()) == 0 ? ConsumeConcurrentlyStatus.RECONSUME_LATER
                : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        awaitOne(received);
        consumer.maxOffset(queue);
        consumer.minOffset(queue);
        consumer.searchOffset(queue, 1_700_000_000_000L);
        consumer.viewMessage(topic, messageId);
        consumer.shutdown();
    }

    private void consumeOrderly() throws Exception {
        DefaultMQPushConsumer consumer = consumer("golden-orderly", "orderly");
        AtomicInteger received = new AtomicInteger();
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            received.addAndGet(messages.size());
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        awaitOne(received);
        consumer.shutdown();
    }
}
