package interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Scenarios of which the producer is the subject. */
final class Sending {
    private static final int LIMIT = 4 * 1024 * 1024;

    private Sending() {}

    static boolean run(String scenario, Driver driver) throws Exception {
        switch (scenario) {
            case "send-sync":
                each(driver, 10, (producer, message) -> driver.report.sent(text(message), producer.send(message)));
                return true;
            case "send-async":
                sendAsync(driver);
                return true;
            case "send-oneway":
                each(driver, 10, (producer, message) -> producer.sendOneway(message));
                // One-way means no answer: the connection must stay open until the frames have left.
                Thread.sleep(500);
                return true;
            case "send-batch":
                sendBatch(driver);
                return true;
            case "send-selector":
                sendSelector(driver);
                return true;
            case "send-properties":
                sendProperties(driver);
                return true;
            case "send-compressed":
                sendCompressed(driver);
                return true;
            case "compressed-lz4":
            case "compressed-zstd":
                System.setProperty("rocketmq.message.compressType", scenario.substring("compressed-".length()).toUpperCase());
                sendCompressed(driver);
                return true;
            case "send-at-limit":
                sendSize(driver, LIMIT);
                return true;
            case "send-over-limit":
                sendSize(driver, LIMIT + 1);
                return true;
            case "send-unknown-topic":
                each(driver, 1, (producer, message) -> driver.report.sent(text(message), producer.send(message)));
                return true;
            case "query-key":
                queryKey(driver);
                return true;
            case "query-id":
                queryId(driver);
                return true;
            default:
                return false;
        }
    }

    interface Send {
        void send(DefaultMQProducer producer, Message message) throws Exception;
    }

    static String text(Message message) {
        return Report.shown(message.getBody());
    }

    static DefaultMQProducer producer(Driver driver) throws MQClientException {
        DefaultMQProducer producer = new DefaultMQProducer(driver.group + "-producer");
        producer.setNamesrvAddr(driver.nameServer);
        producer.setRetryTimesWhenSendFailed(0);
        producer.setRetryTimesWhenSendAsyncFailed(0);
        producer.setSendMsgTimeout(8000);
        producer.start();
        driver.closers.add(producer::shutdown);
        return producer;
    }

    static Message message(Driver driver, String body) {
        return new Message(driver.topic, body.getBytes(StandardCharsets.UTF_8));
    }

    static void each(Driver driver, int count, Send send) throws Exception {
        DefaultMQProducer producer = producer(driver);
        for (int i = 0; i < count; i++) {
            send.send(producer, message(driver, "m" + i));
        }
    }

    private static void sendAsync(Driver driver) throws Exception {
        DefaultMQProducer producer = producer(driver);
        CountDownLatch answers = new CountDownLatch(10);
        for (int i = 0; i < 10; i++) {
            String body = "m" + i;
            producer.send(message(driver, body), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    driver.report.sent(body, result);
                    answers.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    driver.report.fact("error", String.valueOf(e));
                    answers.countDown();
                }
            });
        }
        driver.report.fact("answered", answers.await(15, TimeUnit.SECONDS));
    }

    private static void sendBatch(Driver driver) throws Exception {
        List<Message> batch = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Message message = message(driver, "m" + i);
            message.setKeys("key" + i);
            batch.add(message);
        }
        driver.report.sent("batch", producer(driver).send(batch));
    }

    private static void sendSelector(Driver driver) throws Exception {
        DefaultMQProducer producer = producer(driver);
        for (int i = 0; i < 12; i++) {
            Message message = message(driver, "m" + i);
            driver.report.sent(text(message),
                producer.send(message, (queues, to, key) -> queues.get((Integer) key % queues.size()), i % 3));
        }
    }

    private static void sendProperties(Driver driver) throws Exception {
        Message message = message(driver, "m0");
        message.setTags("TagA");
        message.setKeys(Arrays.asList("order-1", "order-2"));
        message.putUserProperty("colour", "blau \u00fc \u4e2d");
        message.setFlag(17);
        driver.report.sent("m0", producer(driver).send(message));
        Receiving.pushAll(driver, 1);
    }

    private static void sendCompressed(Driver driver) throws Exception {
        byte[] body = new byte[20000];
        Arrays.fill(body, (byte) 'x');
        String shown = Report.shown(body);
        // The client compresses in place, so the digest is taken before.
        driver.report.sent(shown, producer(driver).send(new Message(driver.topic, body)));
        Receiving.pushAll(driver, 1);
    }

    private static void sendSize(Driver driver, int size) throws Exception {
        DefaultMQProducer producer = producer(driver);
        producer.setMaxMessageSize(2 * LIMIT);
        producer.setCompressMsgBodyOverHowmuch(2 * LIMIT);
        byte[] body = new byte[size];
        new Random(1).nextBytes(body);
        try {
            driver.report.sent(Report.shown(body), producer.send(new Message(driver.topic, body), 15000));
        } catch (MQBrokerException e) {
            driver.report.fact("refused", e.getResponseCode());
            driver.report.fact("remark", e.getErrorMessage());
            return;
        }
        Receiving.pushAll(driver, 1);
    }

    @SuppressWarnings("deprecation")
    private static void queryKey(Driver driver) throws Exception {
        DefaultMQProducer producer = producer(driver);
        for (int i = 0; i < 6; i++) {
            Message message = message(driver, "m" + i);
            message.setKeys("key" + i % 2);
            driver.report.sent(text(message), producer.send(message));
        }
        long now = System.currentTimeMillis();
        String[] failure = new String[1];
        boolean found = Driver.await(10, () -> {
            try {
                QueryResult result = producer.queryMessage(driver.topic, "key1", 32, now - 60000, now + 60000);
                failure[0] = "found " + result.getMessageList().size();
                if (result.getMessageList().size() < 3) {
                    return false;
                }
                for (MessageExt message : result.getMessageList()) {
                    driver.report.received("query", message);
                }
                return true;
            } catch (MQClientException e) {
                failure[0] = String.valueOf(e);
                return false;
            }
        });
        if (!found) {
            driver.report.fact("error", failure[0]);
        }
    }

    @SuppressWarnings("deprecation")
    private static void queryId(Driver driver) throws Exception {
        DefaultMQProducer producer = producer(driver);
        SendResult result = producer.send(message(driver, "m0"));
        driver.report.sent("m0", result);
        driver.report.received("by offset id", producer.viewMessage(driver.topic, result.getOffsetMsgId()));
        Exception[] failure = new Exception[1];
        boolean found = Driver.await(10, () -> {
            try {
                driver.report.received("by unique id", producer.viewMessage(driver.topic, result.getMsgId()));
                return true;
            } catch (MQClientException | MQBrokerException e) {
                failure[0] = e;
                return false;
            }
        });
        if (!found) {
            driver.report.fact("error", String.valueOf(failure[0]));
        }
    }
}
