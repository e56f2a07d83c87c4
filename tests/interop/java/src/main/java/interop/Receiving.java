package interop;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Scenarios of which the consumer is the subject. Topics have four queues. */
final class Receiving {
    private static final int QUEUES = 4;
    /**
     * Clients of version 5 may stand still after their start: when the first sharing out of queues meets the first regular heartbeat, the
     * heartbeat with the new version of the subscription is left out, and brokers refuse pulls until the next: 30 s if nobody changes it.
     */
    static final int WAIT_SECONDS = 60;
    private static final int HEARTBEAT_MS = 2000;

    private Receiving() {}

    static boolean run(String scenario, Driver driver) throws Exception {
        switch (scenario) {
            case "push-clustering":
                clustering(driver);
                return true;
            case "push-broadcasting":
                broadcasting(driver);
                return true;
            case "push-orderly":
                orderly(driver);
                return true;
            case "push-tags":
                tags(driver);
                return true;
            case "push-late":
                late(driver);
                return true;
            case "push-timestamp":
                fromTimestamp(driver);
                return true;
            case "push-circle":
                circle(driver);
                return true;
            case "orderly-retry":
                orderlyRetry(driver);
                return true;
            case "orderly-poison":
                orderlyPoison(driver);
                return true;
            case "orderly-members":
                orderlyMembers(driver);
                return true;
            case "mixed":
                mixed(driver);
                return true;
            case "read":
                pushAll(driver, 1);
                return true;
            case "lite-assign":
                liteAssign(driver);
                return true;
            case "lite-subscribe":
                liteSubscribe(driver);
                return true;
            default:
                return false;
        }
    }

    interface Listen {
        boolean taken(MessageExt message);
    }

    static DefaultMQPushConsumer push(Driver driver, String member, String model, String tags)
        throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(driver.group);
        consumer.setNamesrvAddr(driver.nameServer);
        consumer.setInstanceName(member);
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_MS);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        setModel(consumer, model);
        consumer.subscribe(driver.topic, tags);
        return consumer;
    }

    /** The enumeration's package differs between client 4 and client 5. */
    private static void setModel(DefaultMQPushConsumer consumer, String model) throws Exception {
        for (java.lang.reflect.Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                for (Object constant : method.getParameterTypes()[0].getEnumConstants()) {
                    if (String.valueOf(constant).equals(model)) {
                        method.invoke(consumer, constant);
                    }
                }
            }
        }
    }

    static void start(Driver driver, DefaultMQPushConsumer consumer, String member, Listen listen)
        throws MQClientException {
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                driver.report.received(member, message);
                if (!listen.taken(message)) {
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        driver.closers.add(consumer::shutdown);
    }

    /** A member that takes everything. */
    static DefaultMQPushConsumer member(Driver driver, String member, String model) throws Exception {
        DefaultMQPushConsumer consumer = push(driver, member, model, "*");
        start(driver, consumer, member, message -> true);
        return consumer;
    }

    private static int queuesOf(Driver driver, DefaultMQPushConsumer consumer) {
        int owned = 0;
        for (MessageQueue queue :
            consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
            if (queue.getTopic().equals(driver.topic)) {
                owned++;
            }
        }
        return owned;
    }

    static void sendOver(Driver driver, DefaultMQProducer producer, String prefix, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            Message message = Sending.message(driver, prefix + i);
            driver.report.sent(Sending.text(message),
                producer.send(message, (queues, to, key) -> queues.get((Integer) key % queues.size()), i));
        }
    }

    static void expect(Driver driver, int count) throws Exception {
        if (!Driver.await(WAIT_SECONDS, () -> driver.report.receivedCount() >= count)) {
            driver.report.fact("error", "received " + driver.report.receivedCount() + " of " + count);
            return;
        }
        // What comes twice would come now.
        Thread.sleep(300);
    }

    private static void expectDistinct(Driver driver, int count) throws Exception {
        require(Driver.await(WAIT_SECONDS, () -> driver.report.distinctCount() >= count), count + " messages received");
        Thread.sleep(300);
    }

    private static void require(boolean reached, String what) {
        if (!reached) {
            throw new IllegalStateException("not reached in time: " + what);
        }
    }

    /** Reads the whole topic back; a part of the sending scenarios. */
    static void pushAll(Driver driver, int count) throws Exception {
        member(driver, "reader", "CLUSTERING");
        expect(driver, count);
    }

    /** One member owns everything; a second joins and they share; the first leaves and the second owns everything. */
    private static void clustering(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer first = member(driver, "first", "CLUSTERING");
        require(Driver.await(WAIT_SECONDS, () -> queuesOf(driver, first) == QUEUES), "the first owns all");
        sendOver(driver, producer, "alone-", 8);
        expectDistinct(driver, 8);
        DefaultMQPushConsumer second = member(driver, "second", "CLUSTERING");
        require(Driver.await(WAIT_SECONDS,
            () -> queuesOf(driver, first) == QUEUES / 2 && queuesOf(driver, second) == QUEUES / 2), "both own half");
        sendOver(driver, producer, "shared-", 8);
        expectDistinct(driver, 16);
        long left = System.currentTimeMillis();
        first.shutdown();
        require(Driver.await(WAIT_SECONDS, () -> queuesOf(driver, second) == QUEUES), "the second owns all");
        driver.report.fact("takeover_ms", System.currentTimeMillis() - left);
        sendOver(driver, producer, "left-", 8);
        expectDistinct(driver, 24);
    }

    private static void broadcasting(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer first = member(driver, "first", "BROADCASTING");
        DefaultMQPushConsumer second = member(driver, "second", "BROADCASTING");
        require(Driver.await(WAIT_SECONDS,
            () -> queuesOf(driver, first) == QUEUES && queuesOf(driver, second) == QUEUES), "both own all");
        sendOver(driver, producer, "m", 8);
        expect(driver, 16);
    }

    private static void orderly(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        sendOver(driver, producer, "m", 40);
        DefaultMQPushConsumer consumer = push(driver, "only", "CLUSTERING", "*");
        // The same queue twice at once would be an error of the lock.
        Set<Integer> busy = java.util.concurrent.ConcurrentHashMap.newKeySet();
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            for (MessageExt message : messages) {
                if (!busy.add(message.getQueueId())) {
                    driver.report.fact("error", "queue " + message.getQueueId() + " is consumed twice at once");
                }
                driver.report.received("only", message);
                busy.remove(message.getQueueId());
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        driver.closers.add(consumer::shutdown);
        expect(driver, 40);
    }

    private static void tags(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        String[] tags = {"TagA", "TagB", "TagC"};
        for (int i = 0; i < 12; i++) {
            Message message = Sending.message(driver, "m" + i);
            message.setTags(tags[i % tags.length]);
            driver.report.sent(Sending.text(message), producer.send(message));
        }
        DefaultMQPushConsumer consumer = push(driver, "only", "CLUSTERING", "TagA || TagC");
        start(driver, consumer, "only", message -> true);
        expect(driver, 8);
    }

    /** Messages are there before their consumer; and it comes back after it left. */
    private static void late(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        sendOver(driver, producer, "before-", 8);
        DefaultMQPushConsumer consumer = member(driver, "first", "CLUSTERING");
        expect(driver, 8);
        consumer.shutdown();
        sendOver(driver, producer, "between-", 4);
        member(driver, "second", "CLUSTERING");
        expect(driver, 12);
    }

    /**
     * Begins where the clock was between two rounds of messages; the client's time has whole seconds. But this client asks the broker
     * first where the group is, and of a queue whose first message is still in memory the broker says that it is at the beginning.
     */
    private static void fromTimestamp(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        sendOver(driver, producer, "before-", 8);
        long second = System.currentTimeMillis() / 1000 + 1;
        Driver.await(5, () -> System.currentTimeMillis() > second * 1000 + 100);
        sendOver(driver, producer, "after-", 8);
        DefaultMQPushConsumer consumer = push(driver, "only", "CLUSTERING", "*");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
        consumer.setConsumeTimestamp(new java.text.SimpleDateFormat("yyyyMMddHHmmss").format(new java.util.Date(second * 1000)));
        start(driver, consumer, "only", message -> true);
        driver.report.fact("begins", "first");
        expectDistinct(driver, 16);
    }

    /** Two members that share the queues out by turns. */
    private static void circle(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer[] members = new DefaultMQPushConsumer[2];
        for (int i = 0; i < members.length; i++) {
            String name = i == 0 ? "first" : "second";
            members[i] = push(driver, name, "CLUSTERING", "*");
            members[i].setAllocateMessageQueueStrategy(new AllocateMessageQueueAveragelyByCircle());
            start(driver, members[i], name, message -> true);
        }
        require(Driver.await(WAIT_SECONDS,
            () -> queuesOf(driver, members[0]) == QUEUES / 2 && queuesOf(driver, members[1]) == QUEUES / 2), "both own half");
        sendOver(driver, producer, "m", 16);
        expect(driver, 16);
    }

    /** An orderly member; `taken` may refuse a message, which then comes again before the next of its queue. */
    private static DefaultMQPushConsumer orderlyMember(Driver driver, String member, Listen listen) throws Exception {
        return orderlyMember(driver, member, -1, listen);
    }

    /** One that gives a message up after `redeliveriesMax`; -1: never. */
    private static DefaultMQPushConsumer orderlyMember(Driver driver, String member, int redeliveriesMax, Listen listen) throws Exception {
        DefaultMQPushConsumer consumer = push(driver, member, "CLUSTERING", "*");
        consumer.setMaxReconsumeTimes(redeliveriesMax);
        consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            for (MessageExt message : messages) {
                driver.report.received(member, message);
                if (!listen.taken(message)) {
                    return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
                }
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        driver.closers.add(consumer::shutdown);
        return consumer;
    }

    /** m5 is refused twice. */
    private static void orderlyRetry(Driver driver) throws Exception {
        sendOver(driver, Sending.producer(driver), "m", 16);
        AtomicInteger refused = new AtomicInteger();
        orderlyMember(driver, "only", message -> !"m5".equals(Report.shown(message.getBody())) || refused.getAndIncrement() >= 2);
        expect(driver, 18);
    }

    /** m5 is refused each time, and given up after its third. */
    private static void orderlyPoison(Driver driver) throws Exception {
        sendOver(driver, Sending.producer(driver), "m", 16);
        orderlyMember(driver, "only", 2, message -> !"m5".equals(Report.shown(message.getBody())));
        expect(driver, 18);
    }

    /** A second member joins, and the first leaves, while messages of each queue are under way. */
    private static void orderlyMembers(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer first = orderlyMember(driver, "first", message -> true);
        require(Driver.await(WAIT_SECONDS, () -> queuesOf(driver, first) == QUEUES), "the first owns all");
        sendOver(driver, producer, "alone-", 16);
        DefaultMQPushConsumer second = orderlyMember(driver, "second", message -> true);
        sendOver(driver, producer, "joining-", 16);
        require(Driver.await(WAIT_SECONDS,
            () -> queuesOf(driver, first) == QUEUES / 2 && queuesOf(driver, second) == QUEUES / 2), "both own half");
        sendOver(driver, producer, "shared-", 16);
        expectDistinct(driver, 48);
        first.shutdown();
        sendOver(driver, producer, "left-", 16);
        expectDistinct(driver, 64);
    }

    /** Shares the group with a member of another kind, which owns the other half of the queues and takes over in the end. */
    private static void mixed(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer consumer = member(driver, "java", "CLUSTERING");
        require(Driver.await(WAIT_SECONDS, () -> queuesOf(driver, consumer) == QUEUES / 2), "both own half");
        sendOver(driver, producer, "java-", 8);
        // Of each queue the runner's one message, and two of these.
        expect(driver, 3 * QUEUES / 2);
        consumer.shutdown();
    }

    private static DefaultLitePullConsumer lite(Driver driver) {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(driver.group);
        consumer.setNamesrvAddr(driver.nameServer);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setAutoCommit(false);
        return consumer;
    }

    private static void poll(Driver driver, DefaultLitePullConsumer consumer, int count) throws Exception {
        boolean all = Driver.await(WAIT_SECONDS, () -> {
            List<MessageExt> messages = consumer.poll(200);
            for (MessageExt message : messages) {
                driver.report.received("only", message);
            }
            return driver.report.receivedCount() >= count;
        });
        if (!all) {
            driver.report.fact("error", "received " + driver.report.receivedCount() + " of " + count);
        }
    }

    private static void liteAssign(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        sendOver(driver, producer, "m", 12);
        DefaultLitePullConsumer consumer = lite(driver);
        Collection<MessageQueue> queues = producer.fetchPublishMessageQueues(driver.topic);
        consumer.assign(queues);
        // A pull that is under way during a seek may still deliver: the client itself does not exclude it.
        consumer.pause(queues);
        consumer.start();
        driver.closers.add(consumer::shutdown);
        driver.report.fact("queues", consumer.fetchMessageQueues(driver.topic).size());
        for (MessageQueue queue : queues) {
            consumer.seek(queue, 1);
        }
        consumer.resume(queues);
        poll(driver, consumer, 8);
        consumer.commitSync();
    }

    private static void liteSubscribe(Driver driver) throws Exception {
        sendOver(driver, Sending.producer(driver), "m", 12);
        DefaultLitePullConsumer consumer = lite(driver);
        consumer.subscribe(driver.topic, "*");
        consumer.start();
        driver.closers.add(consumer::shutdown);
        poll(driver, consumer, 12);
        consumer.commitSync();
    }
}
