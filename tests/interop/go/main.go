// Runs one scenario with the unmodified client rocketmq-client-go and prints `RESULT {json}`, as the Java driver does.
// Usage: driver SCENARIO NAME_SERVER TOPIC GROUP
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	limit = 4 * 1024 * 1024
	wait  = 60 * time.Second
)

type sentRow struct {
	Body     string `json:"body"`
	Status   string `json:"status"`
	ID       string `json:"id"`
	OffsetID string `json:"offset_id"`
	Queue    int    `json:"queue"`
	Offset   int64  `json:"offset"`
}

type receivedRow struct {
	Member     string            `json:"member"`
	ID         string            `json:"id"`
	Topic      string            `json:"topic"`
	Queue      int               `json:"queue"`
	Offset     int64             `json:"offset"`
	Body       string            `json:"body"`
	Retries    int32             `json:"retries"`
	BornAt     int64             `json:"born_at"`
	At         int64             `json:"at"`
	Properties map[string]string `json:"properties"`
}

type driver struct {
	nameServer, topic, group string
	mutex                    sync.Mutex
	Sent                     []sentRow     `json:"sent"`
	Received                 []receivedRow `json:"received"`
	Replies                  []string      `json:"replies,omitempty"`
	Error                    string        `json:"error,omitempty"`
	closers                  []func() error
}

func shown(body []byte) string {
	if len(body) <= 200 {
		return string(body)
	}
	return fmt.Sprintf("sha256:%x:%d", sha256.Sum256(body), len(body))
}

func until(what string, condition func() bool) error {
	for deadline := time.Now().Add(wait); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("not reached in time: %s", what)
		}
	}
	return nil
}

func (d *driver) resolver() primitive.NsResolver {
	return primitive.NewPassthroughResolver([]string{d.nameServer})
}

func (d *driver) producer(more ...producer.Option) (rocketmq.Producer, error) {
	options := append([]producer.Option{
		producer.WithNsResolver(d.resolver()), producer.WithGroupName(d.group + "-producer"), producer.WithRetry(0),
		producer.WithSendMsgTimeout(8 * time.Second)}, more...)
	p, err := rocketmq.NewProducer(options...)
	if err == nil {
		err = p.Start()
	}
	d.closers = append(d.closers, func() error { return p.Shutdown() })
	return p, err
}

func (d *driver) note(body string, result *primitive.SendResult) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	status := fmt.Sprint(result.Status)
	if result.Status == primitive.SendOK {
		status = "SEND_OK"
	}
	d.Sent = append(d.Sent, sentRow{body, status, result.MsgID, result.OffsetMsgID, result.MessageQueue.QueueId, result.QueueOffset})
}

func (d *driver) send(p rocketmq.Producer, message *primitive.Message) error {
	body := shown(message.Body)
	result, err := p.SendSync(context.Background(), message)
	if err == nil {
		d.note(body, result)
	}
	return err
}

func (d *driver) message(body string) *primitive.Message {
	return primitive.NewMessage(d.topic, []byte(body))
}

func (d *driver) sendMany(p rocketmq.Producer, prefix string, count int) error {
	for i := 0; i < count; i++ {
		if err := d.send(p, d.message(fmt.Sprintf("%s%d", prefix, i))); err != nil {
			return err
		}
	}
	return nil
}

type listen func(*primitive.MessageExt) bool

func (d *driver) member(member, tags string, taken listen, more ...consumer.Option) (rocketmq.PushConsumer, error) {
	options := append([]consumer.Option{
		consumer.WithNsResolver(d.resolver()), consumer.WithGroupName(d.group), consumer.WithInstance(member),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset)}, more...)
	c, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return nil, err
	}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: tags}
	err = c.Subscribe(d.topic, selector, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, message := range messages {
			d.mutex.Lock()
			d.Received = append(d.Received, receivedRow{member, message.MsgId, message.Topic, message.Queue.QueueId, message.QueueOffset,
				shown(message.Body), message.ReconsumeTimes, message.BornTimestamp, time.Now().UnixMilli(), message.GetProperties()})
			d.mutex.Unlock()
			if taken != nil && !taken(message) {
				return consumer.ConsumeRetryLater, nil
			}
		}
		return consumer.ConsumeSuccess, nil
	})
	if err == nil {
		err = c.Start()
	}
	var once sync.Once
	d.closers = append(d.closers, func() (err error) {
		once.Do(func() { err = c.Shutdown() })
		return err
	})
	return c, err
}

func (d *driver) count(member, prefix string) int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	n := 0
	for _, row := range d.Received {
		if (member == "" || row.Member == member) && strings.HasPrefix(row.Body, prefix) {
			n++
		}
	}
	return n
}

// distinct counts messages, however often each came: a member that joins or leaves may make one come twice.
func (d *driver) distinct(prefix string) int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	bodies := map[string]bool{}
	for _, row := range d.Received {
		if strings.HasPrefix(row.Body, prefix) {
			bodies[row.Body] = true
		}
	}
	return len(bodies)
}

func (d *driver) expect(count int) error {
	err := until(fmt.Sprintf("%d messages received", count), func() bool { return d.count("", "") >= count })
	time.Sleep(300 * time.Millisecond)
	return err
}

func (d *driver) readBack(count int) error {
	if _, err := d.member("reader", "*", nil); err != nil {
		return err
	}
	return d.expect(count)
}

func (d *driver) run(scenario string) error {
	options := []producer.Option{}
	switch scenario {
	case "send-selector":
		options = append(options, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	case "send-at-limit", "send-over-limit":
		options = append(options, producer.WithCompressMsgBodyOverHowmuch(2*limit))
	}
	p, err := d.producer(options...)
	if err != nil {
		return err
	}
	switch scenario {
	case "send-sync", "send-unknown-topic":
		return d.sendMany(p, "m", 10)
	case "send-async":
		var answers sync.WaitGroup
		for i := 0; i < 10; i++ {
			body := fmt.Sprintf("m%d", i)
			answers.Add(1)
			err := p.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, failure error) {
				defer answers.Done()
				if failure != nil {
					d.Error = failure.Error()
				} else {
					d.note(body, result)
				}
			}, d.message(body))
			if err != nil {
				return err
			}
		}
		answers.Wait()
		return nil
	case "send-oneway":
		for i := 0; i < 10; i++ {
			if err := p.SendOneWay(context.Background(), d.message(fmt.Sprintf("m%d", i))); err != nil {
				return err
			}
		}
		// One-way means no answer: the connection must stay open until the frames have left.
		time.Sleep(500 * time.Millisecond)
		return nil
	case "send-batch":
		batch := []*primitive.Message{}
		for i := 0; i < 10; i++ {
			batch = append(batch, d.message(fmt.Sprintf("m%d", i)).WithKeys([]string{fmt.Sprintf("key%d", i)}))
		}
		result, err := p.SendSync(context.Background(), batch...)
		if err == nil {
			d.note("batch", result)
		}
		return err
	case "send-selector":
		for i := 0; i < 12; i++ {
			if err := d.send(p, d.message(fmt.Sprintf("m%d", i)).WithShardingKey(fmt.Sprintf("key%d", i%3))); err != nil {
				return err
			}
		}
		return nil
	case "send-properties":
		message := d.message("m0").WithTag("TagA").WithKeys([]string{"order-1", "order-2"})
		message.WithProperty("colour", "blau \u00fc \u4e2d")
		message.Flag = 17
		if err := d.send(p, message); err != nil {
			return err
		}
		return d.readBack(1)
	case "send-compressed":
		if err := d.send(p, primitive.NewMessage(d.topic, bytes.Repeat([]byte("x"), 20000))); err != nil {
			return err
		}
		return d.readBack(1)
	case "send-at-limit", "send-over-limit":
		size := limit
		if scenario == "send-over-limit" {
			size++
		}
		body := make([]byte, size)
		rand.New(rand.NewSource(1)).Read(body)
		if err := d.send(p, primitive.NewMessage(d.topic, body)); err != nil {
			return err
		}
		return d.readBack(1)
	case "push-clustering":
		return d.clustering(p)
	case "push-broadcasting":
		for _, member := range []string{"first", "second"} {
			if _, err := d.member(member, "*", nil, consumer.WithConsumerModel(consumer.BroadCasting)); err != nil {
				return err
			}
		}
		if err := d.sendMany(p, "m", 8); err != nil {
			return err
		}
		return d.expect(16)
	case "push-orderly":
		if err := d.sendMany(p, "m", 40); err != nil {
			return err
		}
		if _, err := d.member("only", "*", nil, consumer.WithConsumerOrder(true)); err != nil {
			return err
		}
		return d.expect(40)
	case "push-tags":
		for i := 0; i < 12; i++ {
			if err := d.send(p, d.message(fmt.Sprintf("m%d", i)).WithTag([]string{"TagA", "TagB", "TagC"}[i%3])); err != nil {
				return err
			}
		}
		if _, err := d.member("only", "TagA || TagC", nil); err != nil {
			return err
		}
		return d.expect(8)
	case "push-late":
		return d.late(p)
	case "push-dead-letter":
		// No retry is allowed, so a refused message is a dead letter at once.
		never := func(*primitive.MessageExt) bool { return false }
		if _, err := d.member("only", "*", never, consumer.WithMaxReconsumeTimes(0)); err != nil {
			return err
		}
		if err := d.sendMany(p, "m", 1); err != nil {
			return err
		}
		return d.expect(1)
	case "request-reply":
		return d.requestReply(p)
	case "share":
		return d.share()
	case "push-retry":
		if _, err := d.member("only", "*", func(m *primitive.MessageExt) bool { return m.ReconsumeTimes > 0 }); err != nil {
			return err
		}
		if err := d.sendMany(p, "m", 1); err != nil {
			return err
		}
		return d.expect(2)
	case "delayed":
		if _, err := d.member("only", "*", nil); err != nil {
			return err
		}
		if err := d.send(p, d.message("m0").WithDelayTimeLevel(2)); err != nil {
			return err
		}
		return d.expect(1)
	}
	return fmt.Errorf("unknown scenario %s", scenario)
}

// late: messages are there before their consumer; and it comes back after it left.
func (d *driver) late(p rocketmq.Producer) error {
	if err := d.sendMany(p, "before-", 8); err != nil {
		return err
	}
	if _, err := d.member("first", "*", nil); err != nil {
		return err
	}
	closeFirst := d.closers[len(d.closers)-1]
	if err := d.expect(8); err != nil {
		return err
	}
	if err := closeFirst(); err != nil {
		return err
	}
	if err := d.sendMany(p, "between-", 4); err != nil {
		return err
	}
	if _, err := d.member("second", "*", nil); err != nil {
		return err
	}
	return d.expect(12)
}

// share: a member of a group that others share. It says at once what it has consumed, and leaves when its input ends.
func (d *driver) share() error {
	said := func(m *primitive.MessageExt) bool {
		fmt.Printf("GOT %s\n", m.Body)
		return true
	}
	if _, err := d.member("sharing", "*", said); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func (d *driver) requestReply(p rocketmq.Producer) error {
	answer := func(message *primitive.MessageExt) bool {
		if string(message.Body) == "warm-up" {
			return true
		}
		reply, err := consumer.CreateReplyMessage(message, nil)
		if err == nil {
			// The client itself forgets the body.
			reply.Body = []byte("re: " + shown(message.Body))
			_, err = p.SendSync(context.Background(), reply)
		}
		if err != nil {
			d.Error = err.Error()
		}
		return true
	}
	if _, err := d.member("responder", "*", answer); err != nil {
		return err
	}
	// A broker can hand a reply only to a client that it knows by a heartbeat. The producer's first one comes a second after its
	// start, to the brokers of routes that it has looked up by then; the next comes half a minute later.
	if _, err := p.SendSync(context.Background(), d.message("warm-up")); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	for i := 0; i < 3; i++ {
		reply, err := p.Request(context.Background(), 15*time.Second, d.message(fmt.Sprintf("m%d", i)))
		if err != nil {
			return err
		}
		d.Replies = append(d.Replies, shown(reply.Body))
	}
	return nil
}

func (d *driver) clustering(p rocketmq.Producer) error {
	first, err := d.member("first", "*", nil)
	if err != nil {
		return err
	}
	closeFirst := d.closers[len(d.closers)-1]
	_ = first
	if err := d.sendMany(p, "alone-", 8); err != nil {
		return err
	}
	if err := d.expect(8); err != nil {
		return err
	}
	if _, err := d.member("second", "*", nil); err != nil {
		return err
	}
	// The client does not show which queues it owns: probe until both take their half, each message once.
	for round := 0; ; round++ {
		prefix := fmt.Sprintf("probe-%d-", round)
		if err := d.sendMany(p, prefix, 8); err != nil {
			return err
		}
		if err := until("the probe is received", func() bool { return d.distinct(prefix) >= 8 }); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		if d.count("first", prefix) == 4 && d.count("second", prefix) == 4 {
			break
		}
		if round > 60 {
			return fmt.Errorf("not reached in time: both own half")
		}
		time.Sleep(500 * time.Millisecond)
	}
	if err := d.sendMany(p, "shared-", 8); err != nil {
		return err
	}
	if err := until("shared", func() bool { return d.distinct("shared-") >= 8 }); err != nil {
		return err
	}
	if err := closeFirst(); err != nil {
		return err
	}
	if err := d.sendMany(p, "left-", 8); err != nil {
		return err
	}
	return until("the rest", func() bool { return d.count("second", "left-") >= 8 })
}

func main() {
	d := &driver{nameServer: os.Args[2], topic: os.Args[3], group: os.Args[4], Sent: []sentRow{}, Received: []receivedRow{}}
	if err := d.run(os.Args[1]); err != nil {
		d.Error = err.Error()
	}
	d.mutex.Lock()
	line, _ := json.Marshal(d)
	d.mutex.Unlock()
	fmt.Printf("RESULT %s\n", line)
	done := make(chan struct{})
	go func() {
		for i := len(d.closers) - 1; i >= 0; i-- {
			_ = d.closers[i]()
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
	}
	os.Exit(0)
}
