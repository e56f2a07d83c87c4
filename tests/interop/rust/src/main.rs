//! Runs one scenario with the unmodified client rocketmq-client-rust and prints `RESULT {json}`, as the Java driver does.
//! Usage: interop-driver SCENARIO NAME_SERVER TOPIC GROUP
#![recursion_limit = "512"]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use rocketmq_client_rust::{
    ClientConfig, ClientRuntime, ClientRuntimeConfig, ConsumeConcurrentlyContext, ConsumeConcurrentlyStatus, ConsumeOrderlyContext,
    ConsumeOrderlyStatus, ClientResult, DefaultMQProducer, DefaultMQPushConsumer, MQPushConsumer, MessageListenerConcurrently,
    MessageListenerOrderly, SendResult, SendStatus,
};
use rocketmq_model::common::consumer::consume_from_where::ConsumeFromWhere;
use rocketmq_model::common::message::message_ext::MessageExt;
use rocketmq_model::common::message::message_single::Message;
use rocketmq_observability::TelemetryRuntimeGuard;
use rocketmq_protocol::protocol::heartbeat::message_model::MessageModel;
use rocketmq_runtime::RuntimeOwner;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};

type Failure = Box<dyn std::error::Error>;
type Rows = Arc<Mutex<Vec<Value>>>;

fn shown(body: &[u8]) -> String {
    if body.len() <= 200 {
        return String::from_utf8_lossy(body).into_owned();
    }
    format!("sha256:{:x}:{}", Sha256::digest(body), body.len())
}

/// Notes each message, and takes it unless it shall be refused the first time.
struct Listener {
    member: String,
    received: Rows,
    refuse_once: bool,
}

impl Listener {
    fn take(&self, messages: &[&MessageExt]) -> bool {
        let mut taken = true;
        for message in messages {
            let properties: serde_json::Map<String, Value> =
                message.properties().iter().map(|(name, value)| (name.to_string(), json!(value.to_string()))).collect();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
            self.received.lock().unwrap().push(json!({
                "member": self.member, "id": properties.get("UNIQ_KEY"), "topic": message.topic().to_string(),
                "queue": message.queue_id(), "offset": message.queue_offset(), "body": shown(&message.body().unwrap_or_default()),
                "retries": message.reconsume_times(), "born_at": message.born_timestamp(), "at": now, "properties": properties,
            }));
            taken = taken && !(self.refuse_once && message.reconsume_times() == 0);
        }
        taken
    }
}

impl MessageListenerConcurrently for Listener {
    fn consume_message(&self, messages: &[&MessageExt], _: &ConsumeConcurrentlyContext) -> ClientResult<ConsumeConcurrentlyStatus> {
        Ok(if self.take(messages) { ConsumeConcurrentlyStatus::ConsumeSuccess } else { ConsumeConcurrentlyStatus::ReconsumeLater })
    }
}

impl MessageListenerOrderly for Listener {
    fn consume_message(&self, messages: &[&MessageExt], _: &mut ConsumeOrderlyContext) -> ClientResult<ConsumeOrderlyStatus> {
        self.take(messages);
        Ok(ConsumeOrderlyStatus::Success)
    }
}

struct Driver {
    runtime: Arc<ClientRuntime>,
    name_server: String,
    topic: String,
    group: String,
    sent: Rows,
    received: Rows,
    consumers: Vec<DefaultMQPushConsumer>,
}

#[derive(Default)]
struct Wanted<'a> {
    tags: Option<&'a str>,
    broadcasting: bool,
    orderly: bool,
    refuse_once: bool,
}

impl Driver {
    fn config(&self, instance: &str) -> ClientConfig {
        ClientConfig {
            namesrv_addr: Some(self.name_server.as_str().into()),
            instance_name: instance.into(),
            vip_channel_enabled: false,
            ..Default::default()
        }
    }

    async fn producer(&self) -> Result<DefaultMQProducer, Failure> {
        let mut producer = DefaultMQProducer::builder(self.runtime.clone())
            .client_config(self.config("producer"))
            .producer_group(format!("{}-producer", self.group))
            .build();
        producer.start().await?;
        Ok(producer)
    }

    async fn member(&mut self, member: &str, wanted: Wanted<'_>) -> Result<(), Failure> {
        let mut consumer = DefaultMQPushConsumer::builder(self.runtime.clone())
            .client_config(self.config(member))
            .consumer_group(self.group.clone())
            .message_model(if wanted.broadcasting { MessageModel::Broadcasting } else { MessageModel::Clustering })
            .consume_from_where(ConsumeFromWhere::ConsumeFromFirstOffset)
            .build();
        consumer.subscribe(self.topic.as_str(), wanted.tags.unwrap_or("*")).await?;
        let listener = Listener { member: member.into(), received: self.received.clone(), refuse_once: wanted.refuse_once };
        if wanted.orderly {
            consumer.register_message_listener_orderly(listener);
        } else {
            consumer.register_message_listener_concurrently(listener);
        }
        consumer.start().await?;
        self.consumers.push(consumer);
        Ok(())
    }

    fn message(&self, body: &str) -> Message {
        Message::builder().topic(self.topic.as_str()).body_slice(body.as_bytes()).build_unchecked()
    }

    fn note(&self, body: &str, result: &SendResult) {
        let queue = result.message_queue.as_ref();
        self.sent.lock().unwrap().push(json!({
            "body": body, "status": if result.send_status == SendStatus::SendOk { "SEND_OK" } else { "other" },
            "id": result.msg_id.as_ref().map(|id| id.to_string()), "offset_id": result.offset_msg_id,
            "queue": queue.map(|queue| queue.queue_id()), "offset": result.queue_offset,
        }));
    }

    async fn send(&self, producer: &mut DefaultMQProducer, body: &[u8], message: Message) -> Result<(), Failure> {
        let result = producer.send_with_timeout(message, 8000).await?.ok_or("no result")?;
        self.note(&shown(body), &result);
        Ok(())
    }

    async fn send_many(&self, producer: &mut DefaultMQProducer, prefix: &str, count: usize) -> Result<(), Failure> {
        for i in 0..count {
            let body = format!("{prefix}{i}");
            self.send(producer, body.as_bytes(), self.message(&body)).await?;
        }
        Ok(())
    }

    async fn expect(&self, count: usize) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.received.lock().unwrap().len() < count {
            if Instant::now() > deadline {
                return Err(format!("not reached in time: {count} messages received").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(())
    }

    async fn run(&mut self, scenario: &str) -> Result<(), Failure> {
        let mut producer = self.producer().await?;
        let result = self.steps(scenario, &mut producer).await;
        producer.shutdown().await;
        result
    }

    async fn steps(&mut self, scenario: &str, producer: &mut DefaultMQProducer) -> Result<(), Failure> {
        match scenario {
            "send-sync" | "send-unknown-topic" => self.send_many(producer, "m", 10).await,
            "send-batch" => {
                let batch = (0..10)
                    .map(|i| {
                        let body = format!("m{i}");
                        Message::builder().topic(self.topic.as_str()).key(format!("key{i}")).body_slice(body.as_bytes()).build_unchecked()
                    })
                    .collect::<Vec<_>>();
                let result = producer.send_batch(batch).await?;
                self.note("batch", &result);
                Ok(())
            }
            "send-selector" => {
                for i in 0..12usize {
                    let body = format!("m{i}");
                    let result = producer
                        .send_with_selector(self.message(&body), |queues, _, key: &usize| Some(queues[key % queues.len()].clone()), i % 3)
                        .await?
                        .ok_or("no result")?;
                    self.note(&body, &result);
                }
                Ok(())
            }
            "send-properties" => {
                let message = Message::builder()
                    .topic(self.topic.as_str())
                    .tags("TagA")
                    .keys(vec!["order-1".into(), "order-2".into()])
                    .raw_property("colour", "blau \u{fc} \u{4e2d}")?
                    .flag_bits(17)
                    .body_slice(b"m0")
                    .build_unchecked();
                self.send(producer, b"m0", message).await?;
                self.member("reader", Wanted::default()).await?;
                self.expect(1).await
            }
            "send-compressed" => {
                let body = "x".repeat(20000);
                self.send(producer, body.as_bytes(), self.message(&body)).await?;
                self.member("reader", Wanted::default()).await?;
                self.expect(1).await
            }
            "push-late" => {
                self.send_many(producer, "before-", 8).await?;
                self.member("first", Wanted::default()).await?;
                self.expect(8).await?;
                self.leave().await;
                self.send_many(producer, "between-", 4).await?;
                self.member("second", Wanted::default()).await?;
                self.expect(12).await
            }
            "push-broadcasting" => {
                self.member("first", Wanted { broadcasting: true, ..Default::default() }).await?;
                self.member("second", Wanted { broadcasting: true, ..Default::default() }).await?;
                self.send_many(producer, "m", 8).await?;
                self.expect(16).await
            }
            "push-orderly" => {
                self.send_many(producer, "m", 40).await?;
                self.member("only", Wanted { orderly: true, ..Default::default() }).await?;
                self.expect(40).await
            }
            "push-tags" => {
                for i in 0..12 {
                    let body = format!("m{i}");
                    let message =
                        Message::builder().topic(self.topic.as_str()).tags(["TagA", "TagB", "TagC"][i % 3]).body_slice(body.as_bytes());
                    self.send(producer, body.as_bytes(), message.build_unchecked()).await?;
                }
                self.member("only", Wanted { tags: Some("TagA || TagC"), ..Default::default() }).await?;
                self.expect(8).await
            }
            "push-retry" => {
                self.member("only", Wanted { refuse_once: true, ..Default::default() }).await?;
                self.send_many(producer, "m", 1).await?;
                self.expect(2).await
            }
            "delayed" => {
                self.member("only", Wanted::default()).await?;
                let message = Message::builder().topic(self.topic.as_str()).delay_level(2).body_slice(b"m0").build_unchecked();
                self.send(producer, b"m0", message).await?;
                self.expect(1).await
            }
            _ => Err(format!("unknown scenario {scenario}").into()),
        }
    }

    async fn leave(&mut self) {
        for mut consumer in self.consumers.drain(..) {
            consumer.shutdown().await;
        }
    }
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    let owner = RuntimeOwner::new()?;
    let telemetry = TelemetryRuntimeGuard::noop();
    let runtime = ClientRuntime::try_new(owner.root_context().component("interop"), ClientRuntimeConfig::default(), telemetry.handle())?;
    let mut driver = Driver {
        runtime: runtime.clone(),
        name_server: words[2].clone(),
        topic: words[3].clone(),
        group: words[4].clone(),
        sent: Rows::default(),
        received: Rows::default(),
        consumers: Vec::new(),
    };
    owner.block_on(async {
        let result = driver.run(&words[1]).await;
        let mut report = json!({"sent": *driver.sent.lock().unwrap(), "received": *driver.received.lock().unwrap()});
        if let Err(failure) = result {
            report["error"] = json!(failure.to_string());
        }
        println!("RESULT {report}");
        driver.leave().await;
        runtime.shutdown().await;
    });
    std::process::exit(0);
}
