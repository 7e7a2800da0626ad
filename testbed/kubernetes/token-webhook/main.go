// The token webhook of an emulated EKS cluster. EKS's own verifier (sigs.k8s.io/aws-iam-authenticator/pkg/token)
// finds out which AWS principal made a bearer token. The access entries of the emulated EKS map that principal to a
// user of the cluster.
//
// The webhook answers the API server's token reviews at http://LISTEN/authenticate, and prints one line of JSON for
// each of them. Neither the answer nor the line contains the token.
package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	authentication "k8s.io/api/authentication/v1"
	"sigs.k8s.io/aws-iam-authenticator/pkg/token"
)

// limit is shorter than the API server's own timeout for a webhook, which is 30 s.
const limit = 10 * time.Second

// emulator sends the verifier's call of https://sts.REGION.amazonaws.com to the emulated STS. It does not change the
// path, the query and the headers (Host included), because they are signed.
type emulator struct{ endpoint *url.URL }

func (e emulator) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	sent.Host, sent.URL.Scheme, sent.URL.Host = request.URL.Host, e.endpoint.Scheme, e.endpoint.Host
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(sent)
	if err != nil || !strings.Contains(response.Header.Get("Content-Type"), "xml") {
		return response, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		response.Body = io.NopCloser(strings.NewReader(errorCode(response.Body)))
		return response, nil
	}
	// The verifier requests JSON, and STS then answers in JSON. The emulator answers only in XML, so convert its answer.
	var answer struct {
		Arn     string `xml:"GetCallerIdentityResult>Arn"`
		UserId  string `xml:"GetCallerIdentityResult>UserId"`
		Account string `xml:"GetCallerIdentityResult>Account"`
	}
	if err := xml.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("STS answered no identity: %w", err)
	}
	text, err := json.Marshal(map[string]any{"GetCallerIdentityResponse": map[string]any{"GetCallerIdentityResult": answer}})
	response.Body = io.NopCloser(bytes.NewReader(text))
	return response, err
}

// errorCode returns the error code in the emulator's answer, and nothing else of the answer.
func errorCode(answer io.Reader) string {
	var refusal struct {
		Code string `xml:"Error>Code"`
	}
	if err := xml.NewDecoder(answer).Decode(&refusal); err != nil {
		return err.Error()
	}
	return refusal.Code
}

// accessEntry is the user of the cluster for a principal, as in AWS::EKS::AccessEntry.
type accessEntry struct {
	Username string   `json:"username"`
	Groups   []string `json:"kubernetesGroups"`
}

type webhook struct {
	verifier token.Verifier
	entries  string
	client   http.Client
}

func (w *webhook) review(bearer string) (*authentication.UserInfo, error) {
	who, err := w.verifier.Verify(bearer)
	if err != nil {
		return nil, err
	}
	entry, err := w.accessEntry(who.CanonicalARN)
	if err != nil {
		return nil, err
	}
	// Replace "@", as the authenticator's own mapping does. The caller of AssumeRole chooses the session's name.
	session := strings.ReplaceAll(who.SessionName, "@", "-")
	name := strings.NewReplacer("{{SessionName}}", session, "{{AccountID}}", who.AccountID).Replace(entry.Username)
	return &authentication.UserInfo{
		Username: name,
		UID:      fmt.Sprintf("aws-iam-authenticator:%s:%s", who.AccountID, who.UserID),
		Groups:   entry.Groups,
		Extra: map[string]authentication.ExtraValue{
			"arn":          {who.ARN},
			"canonicalArn": {who.CanonicalARN},
			"principalId":  {who.UserID},
			"sessionName":  {who.SessionName},
		},
	}, nil
}

func (w *webhook) accessEntry(principal string) (*accessEntry, error) {
	response, err := w.client.Get(w.entries + "&principal=" + url.QueryEscape(principal))
	if err != nil {
		return nil, fmt.Errorf("the emulated EKS does not answer: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Entry *accessEntry `json:"accessEntry"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("the emulated EKS answered %s", response.Status), err)
	}
	if answer.Entry == nil {
		return nil, fmt.Errorf("the cluster has no access entry for %s", principal)
	}
	return answer.Entry, nil
}

func (w *webhook) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	var review authentication.TokenReview
	if err := json.NewDecoder(http.MaxBytesReader(response, request.Body, 1<<20)).Decode(&review); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	line := map[string]any{"time": time.Now().UTC().Format(time.RFC3339Nano)}
	review.Status = authentication.TokenReviewStatus{}
	if user, err := w.review(review.Spec.Token); err != nil {
		line["refused"], review.Status.Error = err.Error(), err.Error()
	} else {
		line["user"] = user
		review.Status.Authenticated, review.Status.User = true, *user
	}
	_ = json.NewEncoder(os.Stdout).Encode(line)
	review.Spec.Token = ""
	response.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(response).Encode(review)
}

func main() {
	listen := flag.String("listen", "", "HOST:PORT to answer token reviews on")
	cluster := flag.String("cluster", "", "the cluster that a token must be made for")
	region := flag.String("region", "us-east-1", "the cluster's region")
	aws := flag.String("aws", "", "URL of the emulated AWS")
	flag.Parse()
	endpoint, err := url.Parse(*aws)
	if err != nil {
		log.Fatal(err)
	}
	// The access entries are read with a direct transport. The verifier's own client uses the default transport, which
	// is replaced here, so its calls go to the emulated STS.
	direct := &http.Transport{DisableKeepAlives: true}
	http.DefaultTransport = emulator{endpoint}
	http.Handle("/authenticate", &webhook{
		verifier: token.NewVerifier(*cluster, "aws", *region),
		entries:  fmt.Sprintf("%s/_testbed/access-entry?cluster=%s", endpoint, url.QueryEscape(*cluster)),
		client:   http.Client{Transport: direct, Timeout: limit},
	})
	log.Fatal((&http.Server{Addr: *listen, ReadHeaderTimeout: limit}).ListenAndServe())
}
