package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// prefetch is the number of messages that may be delivered again after a lost connection.
	prefetch     = 50
	connectLimit = 10 * time.Second
	closeLimit   = 5 * time.Second
	// The waits between attempts to connect. Each wait is twice as long as the one before.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// session is a connection with a channel for the producer and a channel for the consumer.
type session struct {
	version    string
	connection *amqp.Connection
	publisher  *amqp.Channel
	returned   chan amqp.Return
	messages   <-chan amqp.Delivery
}

// connect retries until it succeeds or the client must stop. Each attempt reads the volume again, because refused
// credentials may be old.
func (c *client) connect() *session {
	for pause := firstPause; !c.isOver(); pause = min(pause*2, longestPause) {
		s, err := openSession(c.settings)
		if err == nil {
			return s
		}
		log.Printf("no connection: %v", err)
		time.Sleep(pause)
	}
	return nil
}

func openSession(settings settings) (*session, error) {
	version, user, password, err := credentials(settings.credentials)
	if err != nil {
		return nil, err
	}
	roots, err := authorities(settings.ca)
	if err != nil {
		return nil, err
	}
	config := amqp.Config{
		// The password is no part of the URL, so no error can show it.
		SASL:            []amqp.Authentication{&amqp.PlainAuth{Username: user, Password: password}},
		Vhost:           settings.vhost,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: settings.host},
		Dial:            amqp.DefaultDial(connectLimit),
		Properties:      amqp.Table{"connection_name": "amqp091-go-client"},
		// Without Recovery: the library's own recovery logs in with the password that it was given at the start.
	}
	connection, err := amqp.DialConfig("amqps://"+net.JoinHostPort(settings.host, strconv.Itoa(settings.port)), config)
	if err != nil {
		return nil, fmt.Errorf("as `%s`: %w", user, err)
	}
	s := &session{version: version, connection: connection}
	// The calls on channels have no limit of their own. A closed connection ends them.
	limit := time.AfterFunc(connectLimit, s.close)
	defer limit.Stop()
	if err := s.openChannels(settings.queue); err != nil {
		s.close()
		return nil, fmt.Errorf("as `%s`: %w", user, err)
	}
	log.Printf("connected as `%s`", user)
	return s, nil
}

func (s *session) openChannels(queue string) (err error) {
	if s.publisher, err = s.connection.Channel(); err != nil {
		return err
	}
	// From here on, the broker confirms each message on this channel.
	if err = s.publisher.Confirm(false); err != nil {
		return err
	}
	// The library blocks while this is full, so it has space for a whole batch.
	s.returned = s.publisher.NotifyReturn(make(chan amqp.Return, batchSize))
	channel, err := s.connection.Channel()
	if err != nil {
		return err
	}
	if err = channel.Qos(prefetch, 0, false); err != nil {
		return err
	}
	s.messages, err = channel.Consume(queue, "", false, false, false, false, nil)
	return err
}

// close needs no error: if the connection is lost, the broker delivers unacknowledged messages again.
func (s *session) close() {
	_ = s.connection.CloseDeadline(time.Now().Add(closeLimit))
}

// authorities returns nil, which stands for those of the system, if no file is given.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s contains no certificate", file)
	}
	return pool, nil
}
