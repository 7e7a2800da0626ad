package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// secretVersion is the folder of the current version in the mounted Secret.
func secretVersion(folder string) (string, error) {
	return os.Readlink(filepath.Join(folder, "..data"))
}

// credentials reads both files below the target of one link. Through `username` and `password`, a program could get the
// user of one version and the password of the next.
func credentials(folder string) (version, username, password string, err error) {
	if version, err = secretVersion(folder); err != nil {
		return "", "", "", err
	}
	user, err := os.ReadFile(filepath.Join(folder, version, "username"))
	if err != nil {
		return "", "", "", err
	}
	secret, err := os.ReadFile(filepath.Join(folder, version, "password"))
	return version, string(user), string(secret), err
}

// ledger has the orders by their IDs. In a real service, `taken` is the outbox in its database, and `done` is a table
// with a unique key.
type ledger struct {
	taken, done *os.File
	known       map[string]bool
	orders      int
	// outbox has the number of attempts to send each unconfirmed order.
	outbox map[string]int
}

// openLedger reads the work of earlier runs. Their orders that are not done may be unconfirmed.
func openLedger(folder string) (*ledger, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	taken, orders, err := open(filepath.Join(folder, "taken"))
	if err != nil {
		return nil, err
	}
	done, finished, err := open(filepath.Join(folder, "done"))
	if err != nil {
		return nil, err
	}
	l := &ledger{taken: taken, done: done, known: map[string]bool{}, orders: len(orders), outbox: map[string]int{}}
	for _, order := range finished {
		l.known[order] = true
	}
	for _, order := range orders {
		if !l.known[order] {
			l.outbox[order] = 0
		}
	}
	return l, nil
}

func open(path string) (*os.File, []string, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(path)
	return file, strings.Fields(string(text)), err
}

func (l *ledger) take() error {
	order := fmt.Sprintf("order-%07d", l.orders+1)
	if _, err := fmt.Fprintln(l.taken, order); err != nil {
		return err
	}
	l.orders++
	l.outbox[order] = 0
	return nil
}

// finish does the work for an order, unless it is done already. It returns whether the work was done now.
func (l *ledger) finish(order string) (bool, error) {
	if l.known[order] {
		return false, nil
	}
	if _, err := fmt.Fprintln(l.done, order); err != nil {
		return false, err
	}
	l.known[order] = true
	return true, nil
}

// oldest returns the oldest unconfirmed orders. Their IDs sort by age.
func (l *ledger) oldest(most int) []string {
	orders := make([]string, 0, len(l.outbox))
	for order := range l.outbox {
		orders = append(orders, order)
	}
	slices.Sort(orders)
	return orders[:min(most, len(orders))]
}

func (l *ledger) isComplete() bool {
	return len(l.outbox) == 0 && len(l.known) >= l.orders
}
