package interop;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckCallback;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.AckStatus;
import org.apache.rocketmq.client.consumer.PopCallback;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ChangeInvisibleTimeRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;

/**
 * Pops one queue in order with the client's own requests. Its push consumer cannot: in pop mode it never calls an orderly listener
 * (ConsumeMessagePopOrderlyService), and asks for no order. Clients of version 4 have none of this.
 */
final class OrderedPop {
    private static final String BROKER = "interop";
    private static final long LONG_MS = 30_000;
    private static final long SHORT_MS = 2_000;

    private final Driver driver;
    private final MQClientAPIImpl api;
    private final String address;
    private final List<Object> pops = new ArrayList<>();

    private OrderedPop(Driver driver, DefaultMQProducer producer) {
        this.driver = driver;
        api = producer.getDefaultMQProducerImpl().getMqClientFactory().getMQClientAPIImpl();
        address = producer.getDefaultMQProducerImpl().getMqClientFactory().findBrokerAddressInPublish(BROKER);
    }

    /** By reflection from Features, because version 4 is compiled without this class. */
    public static void run(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        for (int i = 0; i < 6; i++) {
            Message message = Sending.message(driver, "m" + i);
            driver.report.sent(Sending.text(message), producer.send(message, new MessageQueue(driver.topic, BROKER, 0)));
        }
        new OrderedPop(driver, producer).steps();
    }

    private void steps() throws Exception {
        List<MessageExt> two = pop("first", "a", LONG_MS);
        pop("another while they are out", "b", LONG_MS);
        two = pop("the first, repeated", "a", LONG_MS);
        acknowledge(two.get(0));
        pop("m0 acknowledged", "c", LONG_MS);
        giveBack(two.get(1), 500);
        Thread.sleep(1000);
        acknowledge(pop("m1 given back", "d", LONG_MS));
        pop("both acknowledged", "e", SHORT_MS);
        Thread.sleep(SHORT_MS + 500);
        acknowledge(pop("their time is over", "f", LONG_MS));
        acknowledge(pop("both acknowledged, again", "g", LONG_MS));
        pop("all acknowledged", "h", LONG_MS);
        driver.report.fact("pops", pops);
    }

    /** At most two messages, those that are there. */
    private List<MessageExt> pop(String name, String attempt, long invisibleMs) throws Exception {
        PopMessageRequestHeader header = new PopMessageRequestHeader();
        header.setConsumerGroup(driver.group);
        header.setTopic(driver.topic);
        header.setQueueId(0);
        header.setMaxMsgNums(2);
        header.setInvisibleTime(invisibleMs);
        header.setPollTime(0);
        header.setBornTime(System.currentTimeMillis());
        header.setInitMode(0);
        header.setExpType("TAG");
        header.setExp("*");
        header.setOrder(true);
        header.setAttemptId(attempt);
        CompletableFuture<PopResult> answer = new CompletableFuture<>();
        api.popMessageAsync(BROKER, address, header, 10_000, new PopCallback() {
            @Override
            public void onSuccess(PopResult result) {
                answer.complete(result);
            }

            @Override
            public void onException(Throwable e) {
                answer.completeExceptionally(e);
            }
        });
        PopResult result = answer.get(15, TimeUnit.SECONDS);
        List<MessageExt> found = result.getMsgFoundList() == null ? new ArrayList<>() : result.getMsgFoundList();
        List<Object> messages = new ArrayList<>();
        for (MessageExt message : found) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("body", Sending.text(message));
            row.put("retries", message.getReconsumeTimes());
            messages.add(row);
        }
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("name", name);
        row.put("status", String.valueOf(result.getPopStatus()));
        row.put("messages", messages);
        pops.add(row);
        return found;
    }

    private void acknowledge(List<MessageExt> messages) throws Exception {
        for (MessageExt message : messages) {
            acknowledge(message);
        }
    }

    private void acknowledge(MessageExt message) throws Exception {
        AckMessageRequestHeader header = new AckMessageRequestHeader();
        header.setConsumerGroup(driver.group);
        header.setTopic(driver.topic);
        header.setQueueId(0);
        header.setOffset(message.getQueueOffset());
        header.setExtraInfo(message.getProperty(MessageConst.PROPERTY_POP_CK));
        Answer answer = new Answer();
        api.ackMessageAsync(address, 10_000, answer, header);
        answer.require("acknowledge " + Sending.text(message));
    }

    private void giveBack(MessageExt message, long invisibleMs) throws Exception {
        ChangeInvisibleTimeRequestHeader header = new ChangeInvisibleTimeRequestHeader();
        header.setConsumerGroup(driver.group);
        header.setTopic(driver.topic);
        header.setQueueId(0);
        header.setOffset(message.getQueueOffset());
        header.setExtraInfo(message.getProperty(MessageConst.PROPERTY_POP_CK));
        header.setInvisibleTime(invisibleMs);
        Answer answer = new Answer();
        api.changeInvisibleTimeAsync(BROKER, address, header, 10_000, answer);
        answer.require("give back " + Sending.text(message));
    }

    private static final class Answer implements AckCallback {
        private final CompletableFuture<AckResult> result = new CompletableFuture<>();

        @Override
        public void onSuccess(AckResult ackResult) {
            result.complete(ackResult);
        }

        @Override
        public void onException(Throwable e) {
            result.completeExceptionally(e);
        }

        void require(String what) throws Exception {
            AckStatus status = result.get(15, TimeUnit.SECONDS).getStatus();
            if (status != AckStatus.OK) {
                throw new IllegalStateException(what + " was answered with " + status);
            }
        }
    }
}
