// Drives a server with Consul's own client library, as its command line does. Prints `ok <part>` for each part that holds.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

func must(err error, what string) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}

func want(holds bool, what string, got ...any) {
	if !holds {
		log.Fatalf("%s: %v", what, got)
	}
}

func part(name string, run func(client *api.Client), client *api.Client) {
	run(client)
	fmt.Println("ok", name)
}

func main() {
	client, err := api.NewClient(&api.Config{Address: os.Args[1]})
	must(err, "client")
	part("self", self, client)
	part("kv", kv, client)
	part("registration", registration, client)
	part("blocking", blocking, client)
	part("session", session, client)
	part("lock", lock, client)
	part("semaphore", semaphore, client)
	part("txn", txn, client)
	part("query", query, client)
	part("event", event, client)
	part("operator", operator, client)
	part("not enabled", notEnabled, client)
	part("snapshot and monitor", snapshot, client)
}

func self(c *api.Client) {
	name, err := c.Agent().NodeName()
	must(err, "node name")
	members, err := c.Agent().Members(false)
	must(err, "members")
	want(len(members) == 1 && members[0].Name == name, "members", members)
	leader, err := c.Status().Leader()
	must(err, "leader")
	want(leader != "", "leader", leader)
	_, err = c.Agent().Host()
	must(err, "host")
	metrics, err := c.Agent().Metrics()
	must(err, "metrics")
	want(len(metrics.Gauges) > 0, "gauges", metrics)
	must(c.Agent().Reload(), "reload")
}

func kv(c *api.Client) {
	kv := c.KV()
	meta, err := kv.Put(&api.KVPair{Key: "go/a", Value: []byte("one"), Flags: 1<<63 + 1}, nil)
	must(err, "put")
	want(meta.RequestTime > 0, "request time", meta)
	pair, _, err := kv.Get("go/a", nil)
	must(err, "get")
	want(string(pair.Value) == "one" && pair.Flags == 1<<63+1, "pair", pair)
	pair.Value = []byte("two")
	ok, _, err := kv.CAS(pair, nil)
	must(err, "cas")
	want(ok, "cas holds")
	ok, _, err = kv.CAS(pair, nil)
	must(err, "stale cas")
	want(!ok, "stale cas is refused")
	_, err = kv.Put(&api.KVPair{Key: "go/b/c"}, nil)
	must(err, "put")
	keys, _, err := kv.Keys("go/", "/", nil)
	must(err, "keys")
	want(strings.Join(keys, " ") == "go/a go/b/", "keys", keys)
	pairs, _, err := kv.List("go/", nil)
	must(err, "list")
	want(len(pairs) == 2, "pairs", pairs)
	none, _, err := kv.Get("go/none", nil)
	must(err, "get none")
	want(none == nil, "none", none)
	_, err = kv.DeleteTree("go/", nil)
	must(err, "delete tree")
}

func registration(c *api.Client) {
	agent := c.Agent()
	must(agent.ServiceRegister(&api.AgentServiceRegistration{
		ID: "go-web-1", Name: "go-web", Port: 80, Address: "127.0.0.1", Tags: []string{"a", "b"},
		Meta:  map[string]string{"version": "1"},
		Check: &api.AgentServiceCheck{TTL: "30s", Status: api.HealthCritical},
	}), "register")
	must(agent.UpdateTTL("service:go-web-1", "fine", api.HealthPassing), "update ttl")
	entries, meta, err := c.Health().ServiceMultipleTags("go-web", []string{"a", "b"}, true, nil)
	must(err, "health")
	want(len(entries) == 1 && entries[0].Service.Meta["version"] == "1", "entries", entries)
	want(entries[0].Checks.AggregatedStatus() == api.HealthPassing, "status", entries[0].Checks)
	want(meta.LastIndex > 0 && meta.KnownLeader, "meta", meta)
	filtered, _, err := c.Health().Service("go-web", "", false, &api.QueryOptions{Filter: `Service.Meta.version == "2"`})
	must(err, "filter")
	want(len(filtered) == 0, "filtered", filtered)
	services, err := agent.ServicesWithFilter(`Service == "go-web"`)
	must(err, "agent services")
	want(services["go-web-1"] != nil && len(services) == 1, "agent services", services)
	service, _, err := agent.Service("go-web-1", nil)
	must(err, "agent service")
	want(service.ContentHash != "" && service.Port == 80, "agent service", service)
	status, info, err := agent.AgentHealthServiceByID("go-web-1")
	must(err, "agent health")
	want(status == api.HealthPassing && info != nil, "agent health", status)
	must(agent.EnableServiceMaintenance("go-web-1", "why"), "maintenance")
	entries, _, err = c.Health().Service("go-web", "", true, nil)
	must(err, "health")
	want(len(entries) == 0, "in maintenance", entries)
	must(agent.DisableServiceMaintenance("go-web-1"), "no maintenance")
	err = agent.UpdateTTL("service:gone", "", api.HealthPassing)
	want(err != nil && strings.Contains(err.Error(), "404"), "unknown check", err)
	_, err = c.Catalog().Register(&api.CatalogRegistration{
		Node: "go-node", Address: "10.9.9.9", Service: &api.AgentService{Service: "go-db", Port: 5432},
	}, nil)
	must(err, "catalog register")
	list, _, err := c.Catalog().NodeServiceList("go-node", nil)
	must(err, "node services")
	want(len(list.Services) == 1 && list.Services[0].Port == 5432, "node services", list)
	_, err = c.Catalog().Deregister(&api.CatalogDeregistration{Node: "go-node"}, nil)
	must(err, "catalog deregister")
}

func blocking(c *api.Client) {
	_, meta, err := c.Health().Service("go-web", "", false, nil)
	must(err, "health")
	changed := make(chan []*api.ServiceEntry)
	go func() {
		entries, _, err := c.Health().Service("go-web", "", false, &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: time.Minute})
		must(err, "blocking")
		changed <- entries
	}()
	must(c.Agent().ServiceRegister(&api.AgentServiceRegistration{ID: "go-web-2", Name: "go-web", Port: 81}), "register")
	entries := <-changed
	want(len(entries) == 2, "woken", entries)
	must(c.Agent().ServiceDeregister("go-web-2"), "deregister")
}

func session(c *api.Client) {
	id, _, err := c.Session().Create(&api.SessionEntry{Name: "go", TTL: "30s", Behavior: api.SessionBehaviorDelete}, nil)
	must(err, "create")
	entry, _, err := c.Session().Renew(id, nil)
	must(err, "renew")
	want(entry.ID == id && entry.TTL == "30s" && entry.LockDelay == 15*time.Second, "renewed", entry)
	ok, _, err := c.KV().Acquire(&api.KVPair{Key: "go/session", Session: id}, nil)
	must(err, "acquire")
	want(ok, "acquired")
	_, err = c.Session().Destroy(id, nil)
	must(err, "destroy")
	gone, _, err := c.Session().Info(id, nil)
	must(err, "info")
	want(gone == nil, "gone", gone)
	pair, _, err := c.KV().Get("go/session", nil)
	must(err, "get")
	want(pair == nil, "deleted with its session", pair)
}

func lock(c *api.Client) {
	first, err := c.LockKey("go/lock")
	must(err, "lock")
	lost, err := first.Lock(nil)
	must(err, "take")
	second, err := c.LockOpts(&api.LockOptions{Key: "go/lock", LockTryOnce: true, LockWaitTime: 50 * time.Millisecond})
	must(err, "second lock")
	taken, err := second.Lock(nil)
	must(err, "try")
	want(taken == nil, "held by two")
	handed := make(chan struct{})
	go func() {
		third, err := c.LockKey("go/lock")
		must(err, "third lock")
		_, err = third.Lock(nil)
		must(err, "wait for it")
		must(third.Unlock(), "unlock")
		close(handed)
	}()
	must(first.Unlock(), "unlock")
	<-lost
	<-handed
	must(first.Destroy(), "destroy")
}

func semaphore(c *api.Client) {
	first, err := c.SemaphorePrefix("go/semaphore", 1)
	must(err, "semaphore")
	_, err = first.Acquire(nil)
	must(err, "acquire")
	second, err := c.SemaphoreOpts(&api.SemaphoreOptions{Prefix: "go/semaphore", Limit: 1, SemaphoreTryOnce: true, SemaphoreWaitTime: 50 * time.Millisecond})
	must(err, "second")
	held, err := second.Acquire(nil)
	must(err, "try")
	want(held == nil, "one too many")
	must(first.Release(), "release")
}

func txn(c *api.Client) {
	ops := api.TxnOps{
		{KV: &api.KVTxnOp{Verb: api.KVSet, Key: "go/txn", Value: []byte("x"), Flags: 1<<63 + 1}},
		{KV: &api.KVTxnOp{Verb: api.KVGetTree, Key: "go/txn"}},
		{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: api.Node{Node: "go-txn", Address: "10.0.0.1"}}},
		{Service: &api.ServiceTxnOp{Verb: api.ServiceSet, Node: "go-txn", Service: api.AgentService{ID: "s", Service: "go-txn", Port: 9}}},
		{Check: &api.CheckTxnOp{Verb: api.CheckSet, Check: api.HealthCheck{Node: "go-txn", CheckID: "c", ServiceID: "s", Status: "passing"}}},
	}
	ok, answer, _, err := c.Txn().Txn(ops, nil)
	must(err, "txn")
	want(ok && len(answer.Results) == 5, "done", answer)
	want(answer.Results[1].KV.Flags == 1<<63+1 && string(answer.Results[1].KV.Value) == "x", "read", answer.Results[1].KV)
	want(answer.Results[0].KV.ModifyIndex == answer.Results[4].Check.ModifyIndex, "one index", answer)
	ok, answer, _, err = c.Txn().Txn(api.TxnOps{
		{KV: &api.KVTxnOp{Verb: api.KVSet, Key: "go/other", Value: []byte("x")}},
		{KV: &api.KVTxnOp{Verb: api.KVCheckIndex, Key: "go/txn", Index: 1}},
	}, nil)
	must(err, "refused txn")
	want(!ok && len(answer.Errors) == 1 && answer.Errors[0].OpIndex == 1, "refused", answer)
	pair, _, err := c.KV().Get("go/other", nil)
	must(err, "get")
	want(pair == nil, "rolled back", pair)
	ok, _, _, err = c.Txn().Txn(api.TxnOps{{Node: &api.NodeTxnOp{Verb: api.NodeDelete, Node: api.Node{Node: "go-txn"}}}}, nil)
	must(err, "delete")
	want(ok, "deleted")
}

func query(c *api.Client) {
	id, _, err := c.PreparedQuery().Create(&api.PreparedQueryDefinition{
		Name: "go-", Template: api.QueryTemplate{Type: "name_prefix_match", Regexp: "^go-(.*)$"},
		Service: api.ServiceQuery{Service: "${name.full}", OnlyPassing: true, Tags: []string{"a", "!z"}},
		DNS:     api.QueryDNSOptions{TTL: "10s"},
	}, nil)
	must(err, "create")
	answer, _, err := c.PreparedQuery().Execute("go-web", nil)
	must(err, "execute")
	want(len(answer.Nodes) == 1 && answer.Nodes[0].Service.ID == "go-web-1", "executed", answer)
	want(answer.DNS.TTL == "10s" && answer.Datacenter == "dc1", "dns", answer)
	list, _, err := c.PreparedQuery().List(nil)
	must(err, "list")
	want(len(list) == 1 && list[0].ID == id, "list", list)
	list[0].Name = "other-"
	_, err = c.PreparedQuery().Update(list[0], nil)
	must(err, "update")
	got, _, err := c.PreparedQuery().Get(id, nil)
	must(err, "get")
	want(got[0].Name == "other-" && got[0].Template.Regexp != "", "got", got)
	_, err = c.PreparedQuery().Delete(id, nil)
	must(err, "delete")
}

func event(c *api.Client) {
	id, _, err := c.Event().Fire(&api.UserEvent{Name: "go", Payload: []byte("p"), ServiceFilter: "web"}, nil)
	must(err, "fire")
	events, meta, err := c.Event().List("go", nil)
	must(err, "list")
	want(len(events) == 1 && events[0].ID == id && string(events[0].Payload) == "p", "events", events)
	want(meta.LastIndex == c.Event().IDToIndex(id), "index", meta.LastIndex)
}

func operator(c *api.Client) {
	raft, err := c.Operator().RaftGetConfiguration(nil)
	must(err, "raft")
	want(len(raft.Servers) == 1 && raft.Servers[0].Leader, "raft", raft)
	health, err := c.Operator().AutopilotServerHealth(nil)
	must(err, "autopilot health")
	want(health.Healthy, "healthy", health)
	_, err = c.Operator().AutopilotGetConfiguration(nil)
	must(err, "autopilot configuration")
	_, err = c.Operator().AutopilotState(nil)
	must(err, "autopilot state")
	coordinates, _, err := c.Coordinate().Nodes(nil)
	must(err, "coordinates")
	want(len(coordinates) == 1 && coordinates[0].Coord.IsValid(), "coordinates", coordinates)
	_, err = c.Coordinate().Datacenters()
	must(err, "datacenters")
}

func notEnabled(c *api.Client) {
	_, _, err := c.ACL().TokenList(nil)
	want(err != nil && strings.Contains(err.Error(), "ACL support disabled"), "acl", err)
	_, _, err = c.Connect().CARoots(nil)
	want(err != nil && strings.Contains(err.Error(), "Connect must be enabled"), "connect", err)
	intentions, _, err := c.Connect().Intentions(nil)
	must(err, "intentions")
	want(len(intentions) == 0, "intentions", intentions)
	entries, _, err := c.ConfigEntries().List(api.ServiceDefaults, nil)
	must(err, "config entries")
	want(len(entries) == 0, "config entries", entries)
	_, _, err = c.Namespaces().List(nil)
	want(err != nil && strings.Contains(err.Error(), "404"), "namespaces", err)
}

func snapshot(c *api.Client) {
	_, err := c.KV().Put(&api.KVPair{Key: "go/kept", Value: []byte("yes")}, nil)
	must(err, "put")
	saved, _, err := c.Snapshot().Save(nil)
	must(err, "save")
	archive, err := io.ReadAll(saved)
	must(err, "read")
	_, err = c.KV().Delete("go/kept", nil)
	must(err, "delete")
	stop := make(chan struct{})
	lines, err := c.Agent().Monitor("info", stop, nil)
	must(err, "monitor")
	must(c.Snapshot().Restore(nil, bytes.NewReader(archive)), "restore")
	for line := range lines {
		if strings.Contains(line, "snapshot") {
			break
		}
	}
	close(stop)
	pair, _, err := c.KV().Get("go/kept", nil)
	must(err, "get")
	want(pair != nil && string(pair.Value) == "yes", "restored", pair)
}
