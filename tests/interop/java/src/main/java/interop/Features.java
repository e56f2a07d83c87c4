package interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;

/** Scenarios in which the broker does more than store and hand out. */
final class Features {
    private Features() {}

    static boolean run(String scenario, Driver driver) throws Exception {
        switch (scenario) {
            case "delayed":
                later(driver, message -> message.setDelayTimeLevel(2)); // 5 s
                return true;
            case "timed":
                later(driver, message -> MessageAccessor.putProperty(message, "TIMER_DELAY_MS", "3000"));
                return true;
            case "timed-forms":
                timedForms(driver);
                return true;
            case "recall":
                recall(driver);
                return true;
            case "trace":
                trace(driver);
                return true;
            case "push-retry":
                retry(driver);
                return true;
            case "pop":
                pop(driver);
                return true;
            case "pop-orderly":
                // Not in the classes for version 4.
                Class.forName("interop.OrderedPop").getMethod("run", Driver.class).invoke(null, driver);
                return true;
            case "push-dead-letter":
                deadLetter(driver);
                return true;
            case "push-sql":
                sql(driver);
                return true;
            case "request-reply":
                requestReply(driver);
                return true;
            case "transaction":
                transaction(driver);
                return true;
            case "transaction-check":
                transactionCheck(driver);
                return true;
            case "stay":
                stay(driver);
                return true;
            default:
                return false;
        }
    }

    interface Mark {
        void mark(Message message);
    }

    private static void later(Driver driver, Mark mark) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        Receiving.member(driver, "only", "CLUSTERING");
        Message message = Sending.message(driver, "m0");
        mark.mark(message);
        driver.report.sent(Sending.text(message), producer.send(message));
        Receiving.expect(driver, 1);
    }

    /** 3 s later, said in seconds and as a point in time. */
    private static void timedForms(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        Receiving.member(driver, "only", "CLUSTERING");
        for (int i = 0; i < 2; i++) {
            Message message = Sending.message(driver, "m" + i);
            if (i == 0) {
                MessageAccessor.putProperty(message, "TIMER_DELAY_SEC", "3");
            } else {
                MessageAccessor.putProperty(message, "TIMER_DELIVER_MS", String.valueOf(System.currentTimeMillis() + 3000));
            }
            driver.report.sent(Sending.text(message), producer.send(message));
        }
        Receiving.expect(driver, 2);
    }

    /** Two messages for 4 s later; one is taken back. Clients before 5.3.2 have no such call, and do not run this. */
    private static void recall(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        Receiving.member(driver, "only", "CLUSTERING");
        SendResult[] sent = new SendResult[2];
        for (int i = 0; i < 2; i++) {
            Message message = Sending.message(driver, "m" + i);
            MessageAccessor.putProperty(message, "TIMER_DELAY_MS", "4000");
            sent[i] = producer.send(message);
            driver.report.sent(Sending.text(message), sent[i]);
        }
        Object handle = SendResult.class.getMethod("getRecallHandle").invoke(sent[0]);
        Object id = DefaultMQProducer.class.getMethod("recallMessage", String.class, String.class).invoke(producer, driver.topic, handle);
        driver.report.fact("recalled", id);
        Receiving.expect(driver, 1); // the one that was due later
    }

    /** Producer and consumer write what they do into the trace topic. */
    private static void trace(Driver driver) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(driver.group + "-producer", null, true, null);
        producer.setNamesrvAddr(driver.nameServer);
        producer.start();
        driver.closers.add(producer::shutdown);
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(driver.group, null, new AllocateMessageQueueAveragely(), true, null);
        consumer.setNamesrvAddr(driver.nameServer);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(driver.topic, "*");
        Receiving.start(driver, consumer, "only", message -> true);
        Message message = Sending.message(driver, "m0");
        driver.report.sent(Sending.text(message), producer.send(message));
        Receiving.expect(driver, 1);
        Thread.sleep(2000); // what it traces is sent on its own, and lost when the client ends before
    }

    /** The listener refuses a message once; it comes again through the group's retry topic after 10 s. */
    private static void retry(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer consumer = Receiving.push(driver, "only", "CLUSTERING", "*");
        Receiving.start(driver, consumer, "only", message -> message.getReconsumeTimes() > 0);
        Receiving.sendOver(driver, producer, "m", 1);
        Receiving.expect(driver, 2);
    }

    /** The broker assigns the queues, and by pop; the listener refuses one message once. Client 4 cannot do this. */
    private static void pop(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        Receiving.sendOver(driver, producer, "m", 8);
        DefaultMQPushConsumer consumer = Receiving.push(driver, "only", "CLUSTERING", "*");
        DefaultMQPushConsumer.class.getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
        Receiving.start(driver, consumer, "only",
            message -> message.getReconsumeTimes() > 0 || !"m3".equals(Report.shown(message.getBody())));
        Receiving.expect(driver, 8);
        // These find the consumer waiting.
        for (int i = 8; i < 12; i++) {
            Message message = Sending.message(driver, "m" + i);
            driver.report.sent(Sending.text(message), producer.send(message));
        }
        Receiving.expect(driver, 13);
        Thread.sleep(2000); // acknowledgements are on their own way
    }

    /** No retry is allowed, so a refused message is a dead letter at once. */
    private static void deadLetter(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer consumer = Receiving.push(driver, "only", "CLUSTERING", "*");
        consumer.setMaxReconsumeTimes(0);
        Receiving.start(driver, consumer, "only", message -> false);
        Receiving.sendOver(driver, producer, "m", 1);
        Receiving.expect(driver, 1);
    }

    private static void sql(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        for (int i = 0; i < 8; i++) {
            Message message = Sending.message(driver, "m" + i);
            message.putUserProperty("size", String.valueOf(i));
            driver.report.sent(Sending.text(message), producer.send(message));
        }
        DefaultMQPushConsumer consumer = Receiving.push(driver, "only", "CLUSTERING", "*");
        consumer.subscribe(driver.topic, MessageSelector.bySql("size >= 5"));
        Receiving.start(driver, consumer, "only", message -> true);
        Receiving.expect(driver, 3);
    }

    private static void requestReply(Driver driver) throws Exception {
        DefaultMQProducer producer = Sending.producer(driver);
        DefaultMQPushConsumer consumer = Receiving.push(driver, "responder", "CLUSTERING", "*");
        Receiving.start(driver, consumer, "responder", message -> {
            try {
                byte[] body = ("re: " + Report.shown(message.getBody())).getBytes(StandardCharsets.UTF_8);
                producer.send(MessageUtil.createReplyMessage(message, body));
            } catch (Exception e) {
                driver.report.fact("error", String.valueOf(e));
            }
            return true;
        });
        // Client 5.3.3 counts a request as over when it was sent: request() without a callback never waits, and a callback is called with
        // null first. So only replies count here.
        List<Object> replies = Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < 3; i++) {
            producer.request(Sending.message(driver, "m" + i), new RequestCallback() {
                @Override
                public void onSuccess(Message reply) {
                    if (reply != null) {
                        replies.add(Report.shown(reply.getBody()));
                    }
                }

                @Override
                public void onException(Throwable e) {
                    driver.report.fact("error", String.valueOf(e));
                }
            }, 15000);
            int count = i + 1;
            Driver.await(15, () -> replies.size() == count);
        }
        driver.report.fact("replies", replies);
    }

    /** One message is committed, one rolled back. */
    private static void transaction(Driver driver) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(driver.group + "-producer");
        producer.setNamesrvAddr(driver.nameServer);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object commits) {
                return (Boolean) commits ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.UNKNOW;
            }
        });
        producer.start();
        driver.closers.add(producer::shutdown);
        Receiving.member(driver, "only", "CLUSTERING");
        producer.sendMessageInTransaction(Sending.message(driver, "rolled back"), false);
        producer.sendMessageInTransaction(Sending.message(driver, "committed"), true);
        Receiving.expect(driver, 1);
    }

    /** The producer does not know what became of its messages until the broker asks. */
    private static void transactionCheck(Driver driver) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(driver.group + "-producer");
        producer.setNamesrvAddr(driver.nameServer);
        List<Object> asked = Collections.synchronizedList(new ArrayList<>());
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return LocalTransactionState.UNKNOW;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                String body = Report.shown(message.getBody());
                asked.add(body);
                return body.equals("committed") ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
            }
        });
        producer.start();
        driver.closers.add(producer::shutdown);
        Receiving.member(driver, "only", "CLUSTERING");
        producer.sendMessageInTransaction(Sending.message(driver, "rolled back"), null);
        producer.sendMessageInTransaction(Sending.message(driver, "committed"), null);
        Driver.await(60, () -> asked.contains("rolled back") && asked.contains("committed"));
        Receiving.expect(driver, 1);
        driver.report.fact("asked", new ArrayList<>(asked));
    }

    /** A consumer and a producer that stay until standard input ends or says how many messages to receive first. */
    private static void stay(Driver driver) throws Exception {
        DefaultMQPushConsumer consumer = Receiving.push(driver, driver.group, "CLUSTERING", "*");
        consumer.setPersistConsumerOffsetInterval(500);
        Receiving.start(driver, consumer, "staying", message -> true);
        // In the same instance, which knows the broker by now, so that the broker learns of it at once.
        DefaultMQProducer producer = new DefaultMQProducer(driver.group + "-producer");
        producer.setNamesrvAddr(driver.nameServer);
        producer.setInstanceName(driver.group);
        producer.start();
        driver.closers.add(producer::shutdown);
        System.out.println("READY");
        System.out.flush();
        String wanted = new BufferedReader(new InputStreamReader(System.in)).readLine();
        if (wanted != null) {
            Receiving.expect(driver, Integer.parseInt(wanted));
        }
    }
}
