#include "tests/support/fleet_story.h"

#include <absl/strings/str_cat.h>

#include <cmath>
#include <utility>

#include "common/base/check.h"
#include "common/base/ip_address.h"

namespace tcpfleet::tests {
namespace {

using sockets::Field;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kUptimeNs = 86'400 * kSecondNs;  // of every host at second 0
constexpr uint64_t kNamespace = 4'026'531'840;

base::Endpoint At(const std::string& text) {
  const auto endpoint = base::ParseEndpoint(text);
  TF_CHECK(endpoint.ok());
  return *endpoint;
}

std::shared_ptr<const sockets::Process> Program(uint32_t pid, const std::string& comm) {
  return std::make_shared<sockets::Process>(sockets::Process{
      .pid = pid, .start_ticks = 4711, .comm = comm, .command_line = "/usr/sbin/" + comm});
}

// A wave between 0 and 1 that every connection rides at its own pace.
double Wave(int number, int second) {
  const double pace = 5 + number % 7;
  return 0.5 + 0.5 * std::sin((second + 3 * number) / pace);
}

}  // namespace

FleetStory::FleetStory(const Options& options) : options_(options) {
  hosts_.resize(static_cast<size_t>(options.web_hosts) + 1);
  Host& database = hosts_.back();
  database.name = "db1";
  for (int i = 0; i < options.web_hosts; ++i) AddWebHost(i + 1, database);
}

void FleetStory::AddWebHost(int number, Host& database) {
  Host& host = hosts_[static_cast<size_t>(number) - 1];
  host.name = absl::StrCat("web", number);
  for (int i = 0; i < options_.clients; ++i) {
    const int id = number * options_.clients + i;
    if (i % 4 == 3) {  // to the database, and its other end there
      const auto port = static_cast<uint16_t>(40'000 + id % 20'000);
      AddConnection(host, port, "198.18.255.1:5432", id, false);
      AddConnection(database, 5432, absl::StrCat("198.18.0.", number % 250, ":", port), id, true);
      continue;
    }
    const std::string client =
        absl::StrCat("198.19.", i / 200 % 200, ".", i % 200 + 1, ":", 30'000 + id % 30'000);
    AddConnection(host, 443, client, id, true);
  }
}

void FleetStory::AddConnection(Host& host, uint16_t local_port, const std::string& remote,
                               int number, bool is_server) {
  Connection& connection = host.connections.emplace_back();
  connection.number = number;
  connection.is_active = number % 100 < options_.active_percent;
  sockets::ConnectionIdentity& identity = connection.sample.identity;
  identity.cookie = next_cookie_++;
  identity.network_namespace = kNamespace;
  const std::string address = host.name == "db1"
                                  ? "198.18.255.1"
                                  : absl::StrCat("198.18.0.", number / options_.clients % 250);
  identity.local = At(absl::StrCat(address, ":", local_port));
  identity.remote = At(remote);
  identity.uid = 33;
  identity.inode = 100'000 + identity.cookie;
  static const auto nginx = Program(812, "nginx");
  static const auto postgres = Program(640, "postgres");
  identity.process = local_port == 5432 ? postgres : nginx;
  identity.congestion_control = number % 5 == 4 ? "bbr" : "cubic";
  sockets::FieldValues& values = connection.sample.values;
  values.Set(Field::kState, number % 11 == 10 ? 8 : 1);  // some in CLOSE-WAIT
  values.Set(Field::kReceiveQueue, 0);
  values.Set(Field::kSndMss, is_server ? 1448 : 1418);
  values.Set(Field::kRtt, 200 + static_cast<uint64_t>(number % 17) * 900);
  values.Set(Field::kRto, 204'000);
  values.Set(Field::kFirstSeenAtMs, static_cast<uint64_t>(kUptimeNs / 1'000'000 - 90'000));
  for (const Field field : {Field::kBytesSent, Field::kBytesAcked, Field::kBytesReceived,
                            Field::kTotalRetrans, Field::kSegsOut, Field::kDataSegsOut,
                            Field::kBusyTime, Field::kRwndLimited, Field::kSndbufLimited}) {
    values.Set(field, 0);
  }
  Move(connection);
}

void FleetStory::Move(Connection& connection) const {
  if (!connection.is_active && second_ > 0) return;
  sockets::FieldValues& values = connection.sample.values;
  const int number = connection.number;
  const double wave = Wave(number, second_);
  const auto add = [&](Field field, double amount) {
    values.Set(field, values.Get(field) + static_cast<uint64_t>(amount));
  };
  const double sent = 2000.0 * (1 + number % 13) * (1 + number % 13) * wave;
  add(Field::kBytesSent, sent);
  add(Field::kBytesAcked, sent);
  add(Field::kBytesReceived, sent / (3 + number % 5));
  add(Field::kSegsOut, 1 + sent / 1448);
  add(Field::kDataSegsOut, 1 + sent / 1448);
  add(Field::kBusyTime, 400'000 + 500'000 * wave);
  if (number % 6 == 1) add(Field::kRwndLimited, 350'000 + 450'000 * wave);
  if (number % 6 == 5) add(Field::kSndbufLimited, 300'000);
  if (number % 9 == 2 && second_ % 4 == 0) add(Field::kTotalRetrans, 1 + 4 * wave);
  values.Set(Field::kRtt, 200 + static_cast<uint64_t>((number % 17) * (500 + 800 * wave)));
  values.Set(Field::kRttvar, values.Get(Field::kRtt) / 8);
  values.Set(Field::kSndCwnd, 10 + static_cast<uint64_t>(30 * wave));
  values.Set(Field::kSendQueue, number % 4 == 0 ? static_cast<uint64_t>(sent / 2) : 0);
}

v1::RecordingEntry FleetStory::Up(uint32_t agent) const {
  const std::string& name = hosts_[agent].name;
  v1::RecordingEntry entry;
  entry.set_unix_ns(static_cast<uint64_t>(kBeginUnixNs));
  entry.set_agent(agent);
  v1::AgentUp& up = *entry.mutable_up();
  up.set_name(name);
  up.set_address(name + ":7117");
  up.set_clock_offset_ns(kUptimeNs - kBeginUnixNs);
  up.mutable_host()->set_name(name);
  up.mutable_host()->set_version("0.1.0");
  up.mutable_host()->set_kernel("6.1.0-30-amd64");
  up.mutable_host()->set_boot_id(name + "-boot");
  up.mutable_host()->set_network_namespace(kNamespace);
  return entry;
}

v1::RecordingEntry FleetStory::Frame(uint32_t agent) {
  Host& host = hosts_[agent];
  const int64_t at_ns = second_ * kSecondNs + (agent + 1) * 10'000'000;
  std::vector<const sockets::ConnectionSample*> live;
  for (Connection& connection : host.connections) {
    if (second_ > 0) Move(connection);
    // One of the clients comes and goes.
    const bool away = connection.number % 8 == 5 && second_ % 20 >= 10;
    if (!away) live.push_back(&connection.sample);
  }
  sockets::ConnectionPoll poll;
  poll.sequence = static_cast<uint64_t>(second_) + 100;
  poll.monotonic_ns = kUptimeNs + at_ns;
  poll.live_selection = live;
  poll.completeness.set_seen(live.size());
  poll.completeness.set_time_wait(agent * 7 + 3);
  if (agent == 1) poll.completeness.set_unattributed(2);
  v1::RecordingEntry entry;
  entry.set_unix_ns(static_cast<uint64_t>(kBeginUnixNs + at_ns + 2'000'000));
  entry.set_agent(agent);
  *entry.mutable_frame() = host.encoder.Encode(poll);
  return entry;
}

std::vector<v1::RecordingEntry> FleetStory::NextSecond() {
  std::vector<v1::RecordingEntry> entries;
  const auto agents = static_cast<uint32_t>(hosts_.size());
  if (second_ == 0) {
    for (uint32_t agent = 0; agent < agents; ++agent) entries.push_back(Up(agent));
    if (options_.has_silent_agent) {
      v1::RecordingEntry& down = entries.emplace_back();
      down.set_unix_ns(static_cast<uint64_t>(kBeginUnixNs));
      down.set_agent(agents);
      down.mutable_down()->set_name("web9");
      down.mutable_down()->set_address("web9:7117");
      down.mutable_down()->set_kind("unreachable");
      down.mutable_down()->set_cause("connection refused: is tcpfleet-agent running there?");
    }
  }
  for (uint32_t agent = 0; agent < agents; ++agent) entries.push_back(Frame(agent));
  ++second_;
  return entries;
}

}  // namespace tcpfleet::tests
