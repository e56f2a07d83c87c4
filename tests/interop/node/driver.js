'use strict';
// Runs one scenario with the unmodified client ali-ons and prints `RESULT {json}`, as the Java driver does.
// Usage: driver.js SCENARIO NAME_SERVER TOPIC GROUP. Modules are looked up in the folder that NODE_PATH names.
const crypto = require('crypto');
const { Consumer, Message, Producer } = require('ali-ons');

const [scenario, nameServer, topic, group] = process.argv.slice(2);
const WAIT_MS = 60000;
const report = { sent: [], received: [] };
const closers = [];
const silent = { debug() {}, info() {}, warn: console.error, error: console.error };

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

async function until(what, condition) {
  const deadline = Date.now() + WAIT_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not reached in time: ${what}`);
    await sleep(20);
  }
}

function shown(body) {
  if (body.length <= 200) return body.toString();
  return `sha256:${crypto.createHash('sha256').update(body).digest('hex')}:${body.length}`;
}

// The HTTP client would ask an address server for name servers, where there is one.
const options = more => Object.assign({ nameSrv: nameServer, namespace: '', logger: silent, httpclient: {} }, more);

async function newProducer() {
  const producer = new Producer(options({
    producerGroup: `${group}-producer`, instanceName: 'producer', retryTimesWhenSendFailed: 0, maxMessageSize: 8 << 20,
    sendMsgTimeout: 10000,
  }));
  producer.on('error', error => console.error(error));
  await producer.ready();
  closers.push(() => producer.close());
  return producer;
}

async function newMember(member, tags = '*', more = {}, taken = () => true) {
  const consumer = new Consumer(options(Object.assign({
    consumerGroup: group, instanceName: member, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  }, more)));
  consumer.on('error', error => console.error(error));
  consumer.subscribe(topic, tags, async message => {
    report.received.push({
      member, id: message.properties.UNIQ_KEY, topic: message.topic, queue: message.queueId, offset: Number(message.queueOffset),
      body: shown(message.body), retries: message.reconsumeTimes, born_at: Number(message.bornTimestamp), at: Date.now(),
      properties: message.properties,
    });
    return taken(message) ? undefined : Consumer.ACTION_RETRY;
  });
  await consumer.ready();
  let closed = false;
  consumer.closeOnce = async () => {
    if (!closed) {
      closed = true;
      await consumer.close();
    }
  };
  closers.push(consumer.closeOnce);
  return consumer;
}

async function send(producer, message) {
  const body = shown(message.body);
  const result = await producer.send(message);
  report.sent.push({
    body, status: result.sendStatus, id: message.properties.UNIQ_KEY || null, offset_id: result.msgId,
    queue: Number(result.messageQueue.queueId), offset: Number(result.queueOffset),
  });
}

async function sendMany(producer, prefix, count) {
  for (let i = 0; i < count; i++) await send(producer, new Message(topic, '', `${prefix}${i}`));
}

async function expectReceived(count) {
  await until(`${count} messages received`, () => report.received.length >= count);
  await sleep(300);
}

const takenBy = (member, prefix) =>
  report.received.filter(row => row.member === member && row.body.startsWith(prefix)).length;

// However often each came: a member that joins or leaves may make one come twice.
const distinct = prefix => new Set(report.received.map(row => row.body).filter(body => body.startsWith(prefix))).size;

const scenarios = {
  async 'send-sync'() {
    await sendMany(await newProducer(), 'm', 10);
  },
  async 'send-properties'() {
    const producer = await newProducer();
    const message = new Message(topic, 'TagA', 'm0');
    message.keys = ['order-1', 'order-2'];
    message.properties.colour = 'blau \u00fc \u4e2d';
    message.flag = 17;
    await send(producer, message);
    await newMember('reader');
    await expectReceived(1);
  },
  async 'send-compressed'() {
    await send(await newProducer(), new Message(topic, '', 'x'.repeat(20000)));
    await newMember('reader');
    await expectReceived(1);
  },
  async 'push-clustering'() {
    const producer = await newProducer();
    const first = await newMember('first');
    await sendMany(producer, 'alone-', 8);
    await expectReceived(8);
    await newMember('second');
    // The client does not show which queues it owns: probe until both take their half, each message once.
    for (let round = 0; ; round++) {
      const prefix = `probe-${round}-`;
      await sendMany(producer, prefix, 8);
      await until('the probe is received', () => distinct(prefix) >= 8);
      await sleep(300);
      if (takenBy('first', prefix) === 4 && takenBy('second', prefix) === 4) break;
      if (round > 60) throw new Error('not reached in time: both own half');
      await sleep(500);
    }
    await sendMany(producer, 'shared-', 8);
    await until('shared', () => distinct('shared-') >= 8);
    await first.closeOnce();
    await sendMany(producer, 'left-', 8);
    await until('the rest', () => takenBy('second', 'left-') >= 8);
  },
  async 'push-broadcasting'() {
    const producer = await newProducer();
    await newMember('first', '*', { isBroadcast: true });
    await newMember('second', '*', { isBroadcast: true });
    await sendMany(producer, 'm', 8);
    await expectReceived(16);
  },
  async 'push-tags'() {
    const producer = await newProducer();
    for (let i = 0; i < 12; i++) await send(producer, new Message(topic, [ 'TagA', 'TagB', 'TagC' ][i % 3], `m${i}`));
    await newMember('only', 'TagA || TagC');
    await expectReceived(8);
  },
  async 'push-late'() {
    const producer = await newProducer();
    await sendMany(producer, 'before-', 8);
    const first = await newMember('first');
    await expectReceived(8);
    await first.closeOnce();
    await sendMany(producer, 'between-', 4);
    await newMember('second');
    await expectReceived(12);
  },
  async 'push-retry'() {
    const producer = await newProducer();
    await newMember('only', '*', {}, message => message.reconsumeTimes > 0);
    await sendMany(producer, 'm', 1);
    await expectReceived(2);
  },
  async delayed() {
    const producer = await newProducer();
    await newMember('only');
    const message = new Message(topic, '', 'm0');
    message.delayTimeLevel = 2;
    await send(producer, message);
    await expectReceived(1);
  },
};

(async () => {
  try {
    await scenarios[scenario]();
  } catch (error) {
    report.error = String(error);
  }
  // Node does not wait for a pipe when it exits.
  await new Promise(written => process.stdout.write(`RESULT ${JSON.stringify(report)}\n`, written));
  for (const close of closers.reverse()) {
    await Promise.race([ close().catch(error => console.error(error)), sleep(5000) ]);
  }
  process.exit(0);
})();
