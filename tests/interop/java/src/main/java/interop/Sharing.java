package interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMachineRoomNearby;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByConfig;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByMachineRoom;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Scenarios of members that other members of their group, or other work, leave only a part to. */
final class Sharing {
    private static final String BROKER = "interop";
    private static final int QUEUES = 4;

    private Sharing() {}

    static boolean run(String scenario, Driver driver) throws Exception {
        switch (scenario) {
            case "share":
                share(driver);
                return true;
            case "own":
                own(driver);
                return true;
            case "subscriptions":
                subscriptions(driver);
                return true;
            case "quota-send":
                quotaOfSends(driver);
                return true;
            case "quota-deliver":
                quotaOfDeliveries(driver);
                return true;
            default:
                return false;
        }
    }

    /** The runner reads line by line; listeners print on many threads. */
    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static void awaitEndOfInput() throws Exception {
        while (System.in.read() >= 0) {
            // Only its end matters.
        }
    }

    private static void startSaying(Driver driver, DefaultMQPushConsumer consumer) throws Exception {
        Receiving.start(driver, consumer, "sharing", message -> {
            say("GOT " + new String(message.getBody(), StandardCharsets.UTF_8));
            return true;
        });
    }

    /** A member of a group that others share; says at once what it has consumed, and leaves when its input ends. */
    private static void share(Driver driver) throws Exception {
        startSaying(driver, Receiving.push(driver, driver.group, "CLUSTERING", "*"));
        awaitEndOfInput();
    }

    /** Broker and members by room: even queues and members named east-... are in the room east. */
    private static final class Rooms implements AllocateMachineRoomNearby.MachineRoomResolver {
        @Override
        public String brokerDeployIn(MessageQueue queue) {
            return queue.getQueueId() % 2 == 0 ? "east" : "west";
        }

        @Override
        public String consumerDeployIn(String clientId) {
            return clientId.replaceAll(".*@|-.*", "");
        }
    }

    /** The brokers are called "room@...". */
    private static final class RoomsOfBrokers implements AllocateMachineRoomNearby.MachineRoomResolver {
        @Override
        public String brokerDeployIn(MessageQueue queue) {
            return queue.getBrokerName().replaceAll("@.*", "");
        }

        @Override
        public String consumerDeployIn(String clientId) {
            return new Rooms().consumerDeployIn(clientId);
        }
    }

    private static AllocateMessageQueueStrategy strategy(Driver driver, String rule) {
        switch (rule.replaceAll(":.*", "")) {
            case "average":
                return new AllocateMessageQueueAveragely();
            case "hash":
                return new AllocateMessageQueueConsistentHash();
            case "nearby":
                return new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), new Rooms());
            case "rooms-nearby":
                return new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), new RoomsOfBrokers());
            case "rooms":
                AllocateMessageQueueByMachineRoom room = new AllocateMessageQueueByMachineRoom();
                room.setConsumeridcs(Collections.singleton(rule.substring("rooms:".length())));
                return room;
            case "config":
                List<MessageQueue> queues = new ArrayList<>();
                for (String queue : rule.substring("config:".length()).split(",")) {
                    queues.add(new MessageQueue(driver.topic, BROKER, Integer.parseInt(queue)));
                }
                AllocateMessageQueueByConfig config = new AllocateMessageQueueByConfig();
                config.setMessageQueueList(queues);
                return config;
            default:
                throw new IllegalArgumentException("there is no rule " + rule);
        }
    }

    private static TreeSet<Integer> owned(Driver driver, DefaultMQPushConsumer consumer) {
        TreeSet<Integer> queues = new TreeSet<>();
        for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
            if (queue.getTopic().equals(driver.topic)) {
                queues.add(queue.getQueueId());
            }
        }
        return queues;
    }

    /** As "broker:number,broker:number". */
    private static String ownedText(Driver driver, DefaultMQPushConsumer consumer) {
        TreeSet<MessageQueue> queues = new TreeSet<>();
        for (MessageQueue queue : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
            if (queue.getTopic().equals(driver.topic)) {
                queues.add(queue);
            }
        }
        List<String> text = new ArrayList<>();
        for (MessageQueue queue : queues) {
            text.add(queue.getBrokerName() + ":" + queue.getQueueId());
        }
        return String.join(",", text);
    }

    /** A member by name, with a rule of sharing out queues; says which it owns, too. Words: NAME RULE. */
    private static void own(Driver driver) throws Exception {
        DefaultMQPushConsumer consumer = Receiving.push(driver, driver.words[0], "CLUSTERING", "*");
        consumer.setClientIP("127.0.0.1");
        consumer.setAllocateMessageQueueStrategy(strategy(driver, driver.words[1]));
        startSaying(driver, consumer);
        Thread watcher = new Thread(() -> {
            String said = null;
            try {
                while (true) {
                    String queues = ownedText(driver, consumer);
                    if (!queues.equals(said)) {
                        say("OWNS " + queues);
                        said = queues;
                    }
                    Thread.sleep(50);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        watcher.setDaemon(true);
        watcher.start();
        awaitEndOfInput();
        watcher.interrupt();
    }

    /** Messages of TagA and TagB in each queue; the first member wants the one, the second, which comes later, the other. */
    private static void subscriptions(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        List<Object> tagged = new ArrayList<>();
        DefaultMQPushConsumer first = named(driver, "first", "TagA");
        require(Driver.await(Receiving.WAIT_SECONDS, () -> owned(driver, first).size() == QUEUES), "the first owns all");
        sendTagged(driver, producer, "alone-", tagged);
        require(Driver.await(Receiving.WAIT_SECONDS, () -> driver.report.distinctCount() >= QUEUES), "the first has its messages");
        DefaultMQPushConsumer second = named(driver, "second", "TagB");
        require(Driver.await(Receiving.WAIT_SECONDS, () -> owned(driver, first).size() == QUEUES / 2 && owned(driver, second).size() == QUEUES / 2),
            "both own half");
        sendTagged(driver, producer, "both-", tagged);
        // What each gets differs with the broker; the runner waits until all is committed, and knows how much that is.
        Driver.await(5, () -> driver.report.distinctCount() >= 2 * QUEUES);
        Map<String, Object> queues = new LinkedHashMap<>();
        queues.put("first", new ArrayList<>(owned(driver, first)));
        queues.put("second", new ArrayList<>(owned(driver, second)));
        driver.report.fact("owned", queues);
        driver.report.fact("tagged", tagged);
        say("READY");
        awaitEndOfInput();
    }

    private static DefaultMQPushConsumer named(Driver driver, String member, String tags) throws Exception {
        DefaultMQPushConsumer consumer = Receiving.push(driver, member, "CLUSTERING", tags);
        consumer.setPersistConsumerOffsetInterval(500);
        Receiving.start(driver, consumer, member, message -> true);
        return consumer;
    }

    private static void sendTagged(Driver driver, DefaultMQProducer producer, String prefix, List<Object> tagged) throws Exception {
        for (int i = 0; i < 2 * QUEUES; i++) {
            Message message = Sending.message(driver, prefix + i);
            message.setTags(i < QUEUES ? "TagA" : "TagB");
            SendResult result = producer.send(message, new MessageQueue(driver.topic, BROKER, i % QUEUES));
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("body", prefix + i);
            row.put("tag", message.getTags());
            row.put("queue", result.getMessageQueue().getQueueId());
            tagged.add(row);
        }
    }

    private static void require(boolean reached, String what) {
        if (!reached) {
            throw new IllegalStateException("not reached in time: " + what);
        }
    }

    /** More than the quota at once, each tried again once if the client does that; and one when there is room again. */
    private static void quotaOfSends(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        producer.setRetryTimesWhenSendFailed(1);
        int attempts = producer.getRetryResponseCodes().contains(2) ? 2 : 1;
        driver.report.fact("attempts", attempts);
        List<Object> refused = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            Message message = Sending.message(driver, "burst-" + i);
            try {
                driver.report.sent(Sending.text(message), producer.send(message));
            } catch (MQBrokerException e) {
                refused.add(refusal(e.getResponseCode(), e.getErrorMessage()));
            } catch (MQClientException e) { // of a client that has tried again
                refused.add(refusal(e.getResponseCode(), String.valueOf(e.getCause())));
            }
        }
        driver.report.fact("refused", refused);
        Thread.sleep(1500);
        Message message = Sending.message(driver, "later-0");
        driver.report.sent(Sending.text(message), producer.send(message));
    }

    private static Map<String, Object> refusal(int code, String remark) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("code", code);
        row.put("remark", remark);
        return row;
    }

    /** Small pulls of more than the group may have in a second. */
    private static void quotaOfDeliveries(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        Receiving.sendOver(driver, producer, "m", 80);
        DefaultMQPushConsumer consumer = Receiving.push(driver, "only", "CLUSTERING", "*");
        consumer.setPullBatchSize(4);
        driver.report.fact("batch", 4);
        Receiving.start(driver, consumer, "only", message -> true);
        Receiving.expect(driver, 80);
    }
}
