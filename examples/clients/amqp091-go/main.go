// A producer and a consumer with amqp091-go that neither lose nor repeat an order while their credentials rotate.
//
// docs/src/clients/amqp091-go.md explains what matters. After SIGTERM, the program takes no more orders, finishes those
// that it has, and prints its counts.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	exchange   = "clients"
	batchSize  = 200
	batchEvery = 50 * time.Millisecond
	// look is the interval of checks for changes in the volume.
	look        = 500 * time.Millisecond
	answerLimit = 10 * time.Second
	stopLimit   = 20 * time.Second
)

type settings struct {
	host, vhost, ca, credentials, queue, ledger string
	port, ordersPerSecond                       int
}

// counts is the report.
type counts struct {
	Confirmed   int `json:"confirmed"`
	Resent      int `json:"resent"`
	Redelivered int `json:"redelivered"`
	Duplicates  int `json:"duplicates"`
	Replaced    int `json:"replaced"`
	Lost        int `json:"lost"`
}

type client struct {
	settings     settings
	ledger       *ledger
	counts       counts
	began        time.Time
	ordersBefore int
	// stop ends the taking of orders. until is then the time limit to finish.
	stop  context.Context
	until time.Time
}

func main() {
	var s settings
	flag.StringVar(&s.host, "host", "", "the broker's host name; connections always use TLS")
	flag.IntVar(&s.port, "port", 5671, "the AMQPS port of the broker")
	flag.StringVar(&s.vhost, "vhost", "clients", "the vhost")
	flag.StringVar(&s.ca, "ca", "", "a file with private certificate authorities")
	flag.StringVar(&s.credentials, "credentials", "", "the mounted Secret with `username` and `password`")
	flag.StringVar(&s.queue, "queue", "", "the queue; its name is also the routing key")
	flag.StringVar(&s.ledger, "ledger", "", "the folder of the ledger")
	flag.IntVar(&s.ordersPerSecond, "orders-per-second", 10, "the number of orders to take")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	l, err := openLedger(s.ledger)
	if err != nil {
		log.Fatal(err)
	}
	c := &client{settings: s, ledger: l, began: time.Now(), ordersBefore: l.orders, stop: stop}
	c.run()
	report, err := json.Marshal(c.counts)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(report))
	if !l.isComplete() {
		os.Exit(1)
	}
}

func (c *client) isStopping() bool {
	return c.stop.Err() != nil
}

func (c *client) isOver() bool {
	if !c.isStopping() {
		return false
	}
	if c.until.IsZero() {
		c.until = time.Now().Add(stopLimit)
	}
	return c.ledger.isComplete() || time.Now().After(c.until)
}

func (c *client) run() {
	s := c.connect()
	for s != nil && !c.isOver() {
		next, err := c.workOn(s)
		if err != nil {
			c.counts.Lost++
			log.Printf("the connection is lost: %v", err)
		} else if next != nil {
			c.counts.Replaced++
		}
		// The order matters: the next connection is open before the old one is closed.
		s.close()
		if s = next; err != nil {
			s = c.connect()
		}
	}
	if s != nil {
		s.close()
	}
}

// workOn returns the next connection if the volume has changed, and nil at the end.
func (c *client) workOn(s *session) (*session, error) {
	batch, looked := time.NewTicker(batchEvery), time.NewTicker(look)
	defer batch.Stop()
	defer looked.Stop()
	for !c.isOver() {
		select {
		case message, open := <-s.messages:
			// The library closes this channel when the connection or the subscription ends.
			if !open {
				return nil, errors.New("the subscription ended")
			}
			if err := c.consume(message); err != nil {
				return nil, err
			}
		case <-batch.C:
			if err := c.takeOrders(); err != nil {
				return nil, err
			}
			if err := c.publish(s); err != nil {
				return nil, err
			}
		case <-looked.C:
			if next := c.following(s); next != nil {
				return next, nil
			}
		}
	}
	return nil, nil
}

// following opens the next connection if the volume has changed. If this fails, the old one stays in use.
func (c *client) following(s *session) *session {
	version, err := secretVersion(c.settings.credentials)
	if err == nil && version == s.version {
		return nil
	}
	next, err := openSession(c.settings)
	if err != nil {
		log.Printf("the old connection is still in use: %v", err)
		return nil
	}
	return next
}

// takeOrders takes the orders that are due, also those that arrived while there was no connection.
func (c *client) takeOrders() error {
	due := int(time.Since(c.began).Milliseconds()) * c.settings.ordersPerSecond / 1000
	for !c.isStopping() && c.ledger.orders-c.ordersBefore < due {
		if err := c.ledger.take(); err != nil {
			return err
		}
	}
	return nil
}

// publish sends the oldest unconfirmed orders and waits for the broker's answers. An order without a positive answer
// stays in the outbox and is sent again with the same ID.
func (c *client) publish(s *session) error {
	limit, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	answers := map[string]*amqp.DeferredConfirmation{}
	for _, order := range c.ledger.oldest(batchSize) {
		if c.ledger.outbox[order] > 0 {
			c.counts.Resent++
		}
		c.ledger.outbox[order]++
		message := amqp.Publishing{DeliveryMode: amqp.Persistent, MessageId: order, Body: []byte(order)}
		// The broker returns a mandatory message that no queue accepts. Otherwise, it would confirm and drop it.
		answer, err := s.publisher.PublishWithDeferredConfirm(exchange, c.settings.queue, true, false, message)
		if err != nil {
			return err
		}
		answers[order] = answer
	}
	var confirmed []string
	for order, answer := range answers {
		acked, err := answer.WaitContext(limit)
		if err != nil {
			return err
		}
		if acked {
			confirmed = append(confirmed, order)
		}
	}
	// The broker sends the return of a message before its confirmation.
	returned := map[string]bool{}
	for len(s.returned) > 0 {
		returned[(<-s.returned).MessageId] = true
	}
	for _, order := range confirmed {
		if !returned[order] {
			delete(c.ledger.outbox, order)
			c.counts.Confirmed++
		}
	}
	return nil
}

// consume does the work first, then acknowledges.
func (c *client) consume(message amqp.Delivery) error {
	if message.Redelivered {
		c.counts.Redelivered++
	}
	isNew, err := c.ledger.finish(string(message.Body))
	if err != nil {
		return err
	}
	if !isNew {
		c.counts.Duplicates++
	}
	return message.Ack(false)
}
