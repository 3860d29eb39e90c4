#include "controller/commands/snapshot.h"

#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/filter/filter.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/commands/failures.h"
#include "controller/commands/snapshot_groups.h"
#include "controller/commands/snapshot_table.h"
#include "controller/connections/connection_record.h"
#include "controller/connections/filter_words.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/fleet/snapshots.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {
namespace {

using Kind = Column::Kind;
using sockets::Field;
using sockets::FieldMask;

constexpr uint64_t kMostTop = 1'000'000;

// Fields without which a row cannot be shown or derived.
constexpr Field kAlwaysAsked[] = {Field::kState,       Field::kReceiveQueue, Field::kSendQueue,
                                  Field::kAcceptQueue, Field::kBacklog,      Field::kFirstSeenAtMs,
                                  Field::kOpeningSeen, Field::kTotalRetrans, Field::kDataSegsOut,
                                  Field::kBusyTime,    Field::kRwndLimited,  Field::kSndbufLimited};
// What groups sum up, and what is said of pairs.
constexpr Field kSummedUp[] = {Field::kRtt, Field::kBytesSent, Field::kBytesReceived,
                               Field::kSndCwnd};

bool IsOfProcess(const Column& column) {
  return column.kind == Kind::kProcess || column.kind == Kind::kPid ||
         column.kind == Kind::kCommand;
}

// What the kernel or a bound kept from us; a row that is missing must not look like one that is not
// there.
void SayWhatIsMissing(const HostView& host, std::ostream& err) {
  const v1::Completeness& completeness = host.completeness;
  if (completeness.dropped() > 0) {
    err << "tcpfleet: " << host.name << ": " << completeness.dropped()
        << " connections left out: more than one snapshot holds\n";
  }
  if (completeness.torn() > 0) {
    err << "tcpfleet: " << host.name << ": " << completeness.torn()
        << " records of the kernel could not be read\n";
  }
  if (completeness.gap()) {
    err << "tcpfleet: " << host.name
        << ": the kernel's table changed while it was read: connections may be missing\n";
  }
}

// What the agents answered, as rows.
struct Collected {
  std::vector<AgentSnapshot> snapshots;
  std::vector<HostView> hosts;      // as many
  std::vector<ConnectionRow> rows;  // point into `snapshots`
  v1::SnapshotReport report;        // without connections and groups
};

HostView ViewOf(const AgentTarget& target, const AgentSnapshot& snapshot, const Hello& hello) {
  HostView host;
  host.name = target.name;
  host.address = target.address;
  if (hello.host.ok()) host.description = *hello.host;
  host.up = snapshot.status.ok();
  host.last_frame_monotonic_ns = snapshot.monotonic_ns;
  host.completeness = snapshot.completeness;
  host.connections = snapshot.connections.size();
  return host;
}

v1::HostSummary SummaryOf(const HostView& host) {
  v1::HostSummary summary;
  summary.set_name(host.name);
  summary.set_address(host.address);
  summary.set_connections(host.connections);
  summary.set_time_wait(host.completeness.time_wait());
  summary.set_syn_recv(host.completeness.syn_recv());
  summary.set_unattributed(host.completeness.unattributed());
  summary.set_dropped(host.completeness.dropped());
  summary.set_torn(host.completeness.torn());
  summary.set_gap(host.completeness.gap());
  return summary;
}

v1::PeerRecord PeerRecordOf(const ConnectionRow& row, const ConnectionRow& peer,
                            absl::Span<const HostView> hosts) {
  v1::PeerRecord record;
  record.set_agent(hosts[peer.host].name);
  record.set_cookie(peer.sample->identity.cookie);
  record.set_network_namespace(peer.sample->identity.network_namespace);
  record.set_explanation(ExplainPair(row, peer, hosts));
  return record;
}

// "tcpfleet: 1204 connections on 3 hosts; not listed: 37 in TIME_WAIT, 2 in SYN_RECV"
void SumUp(const v1::SnapshotReport& report, std::ostream& err) {
  if (report.hosts().empty()) {
    err << "tcpfleet: no agent was asked: connections of none of the hosts can match\n";
    return;
  }
  uint64_t connections = 0;
  uint64_t time_wait = 0;
  uint64_t syn_recv = 0;
  uint64_t unattributed = 0;
  for (const v1::HostSummary& host : report.hosts()) {
    connections += host.connections();
    time_wait += host.time_wait();
    syn_recv += host.syn_recv();
    unattributed += host.unattributed();
  }
  const int hosts = report.hosts_size() - report.failures_size();
  err << "tcpfleet: " << connections << (connections == 1 ? " connection" : " connections")
      << " on " << hosts << (hosts == 1 ? " host" : " hosts");
  if (time_wait + syn_recv > 0) {
    err << "; not listed: " << time_wait << " in TIME_WAIT, " << syn_recv << " in SYN_RECV";
  }
  if (unattributed > 0) err << "; the process of " << unattributed << " is not known";
  err << '\n';
}

class SnapshotCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  absl::Status CheckTogether() const;
  bool WantsProcesses() const;
  v1::SnapshotRequest Request(const filter::Filter& filter) const;
  Collected Collect(Fleet& fleet, const filter::Filter& filter, CommandContext& context) const;
  absl::Status Print(Collected& collected, CommandContext& context) const;
  absl::Status PrintConnections(absl::Span<const ConnectionRow* const> rows, Collected& collected,
                                CommandContext& context) const;
  absl::Status PrintGroups(absl::Span<const RowGroup> groups, Collected& collected,
                           CommandContext& context) const;

  std::vector<std::string> filter_words_;
  std::vector<Column> columns_;
  std::vector<Column> group_by_;
  std::optional<RowOrder> order_;
  uint64_t top_ = 0;
  bool processes_ = false;
  bool all_namespaces_ = false;
  bool peers_ = false;
};

void SnapshotCommand::AddOptions(CLI::App& app) {
  app.add_option("FILTER", filter_words_,
                 "as with ss, and more: state established dport = :443 and rtt > 20ms")
      ->type_name("");
  AddParsed(app, "--sort", "[-]COLUMN", "by any column, for example rtt; '-' for largest first",
            [this](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(order_, ParseRowOrder(text));
              return absl::OkStatus();
            });
  AddCount(app, "--top", top_, 1, kMostTop, "only the first N after sorting");
  AddParsed(app, "--fields", "COLUMN,...", "what to show, for example rtt,cwnd,age,cgroup",
            [this](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(columns_, ParseColumns(text));
              return absl::OkStatus();
            });
  AddParsed(app, "--group-by", "COLUMN,...",
            "count by columns, for example host,process,peer,state,lport",
            [this](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(group_by_, ParseColumns(text));
              return absl::OkStatus();
            });
  app.add_flag("--processes", processes_, "find the programs that own the connections");
  app.add_flag("--all-namespaces", all_namespaces_, "of every network namespace of the hosts");
  app.add_flag("--peers", peers_, "join both ends where both hosts are in the fleet");
}

absl::Status SnapshotCommand::CheckTogether() const {
  if (group_by_.empty()) return absl::OkStatus();
  if (!columns_.empty()) {
    return absl::InvalidArgumentError("--fields and --group-by exclude each other");
  }
  if (peers_) return absl::InvalidArgumentError("--peers and --group-by exclude each other");
  if (!order_) return absl::OkStatus();
  return base::WithContext("--sort", CheckGroupOrder(order_->column, group_by_));
}

bool SnapshotCommand::WantsProcesses() const {
  return processes_ || std::any_of(columns_.begin(), columns_.end(), &IsOfProcess) ||
         std::any_of(group_by_.begin(), group_by_.end(), &IsOfProcess) ||
         (order_ && IsOfProcess(order_->column));
}

v1::SnapshotRequest SnapshotCommand::Request(const filter::Filter& filter) const {
  v1::SnapshotRequest request;
  request.set_filter(filter.text());
  request.set_processes(WantsProcesses());
  request.set_all_namespaces(all_namespaces_);
  if (columns_.empty() && group_by_.empty()) return request;
  FieldMask wanted = FieldsAmong(columns_) | FieldsAmong(group_by_);
  if (order_) wanted |= FieldsAmong(absl::MakeConstSpan(&order_->column, 1));
  for (const Field field : kAlwaysAsked) wanted.set(sockets::SlotOf(field));
  if (!group_by_.empty() || peers_) {
    for (const Field field : kSummedUp) wanted.set(sockets::SlotOf(field));
  }
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (wanted[sockets::SlotOf(info.field)]) {
      request.add_field_ids(static_cast<uint32_t>(info.field));
    }
  }
  return request;
}

Collected SnapshotCommand::Collect(Fleet& fleet, const filter::Filter& filter,
                                   CommandContext& context) const {
  const std::stop_token stop = context.interrupt->token();
  // Joining both ends needs to know which hosts are the same machine.
  const std::vector<Hello> hellos =
      peers_ ? SayHello(fleet, context.clock, stop) : std::vector<Hello>(fleet.size());
  Collected collected;
  collected.snapshots = CollectSnapshots(
      fleet,
      [&](const AgentTarget& target) -> std::optional<v1::SnapshotRequest> {
        const filter::Filter of_host = filter.ForHost(target.name);
        if (of_host.NeverMatches()) return std::nullopt;
        return Request(of_host);
      },
      stop);
  for (uint32_t i = 0; i < collected.snapshots.size(); ++i) {
    const AgentSnapshot& snapshot = collected.snapshots[i];
    collected.hosts.push_back(ViewOf(fleet.members()[i].target, snapshot, hellos[i]));
    for (const sockets::ConnectionSample& sample : snapshot.connections) {
      ConnectionRow& row = collected.rows.emplace_back();
      row.host = i;
      row.sample = &sample;
      row.derived = sockets::DeriveFromTotals(sample.values);
    }
    if (snapshot.asked) *collected.report.add_hosts() = SummaryOf(collected.hosts.back());
    if (snapshot.status.ok()) continue;
    const auto phase =
        snapshot.connections.empty() ? CallPhase::kFirstAnswer : CallPhase::kUnderWay;
    *collected.report.add_failures() =
        DescribeFailure(fleet.members()[i].target, snapshot.status, phase);
  }
  return collected;
}

absl::Status SnapshotCommand::Print(Collected& collected, CommandContext& context) const {
  std::vector<const ConnectionRow*> rows;
  for (const ConnectionRow& row : collected.rows) rows.push_back(&row);
  const RowOrder order = order_.value_or(RowOrder{});
  if (group_by_.empty()) {
    return PrintConnections(
        SelectRows(std::move(rows), collected.hosts, {.order = order, .most = top_}).rows,
        collected, context);
  }
  std::vector<RowGroup> groups = GroupRows(rows, group_by_, collected.hosts);
  if (order_) SortGroups(groups, *order_, collected.hosts);
  if (top_ > 0 && groups.size() > top_) groups.resize(top_);
  return PrintGroups(groups, collected, context);
}

absl::Status SnapshotCommand::PrintConnections(absl::Span<const ConnectionRow* const> rows,
                                               Collected& collected,
                                               CommandContext& context) const {
  std::optional<PeerIndex> peers;
  if (peers_) {
    std::vector<const ConnectionRow*> all;
    for (const ConnectionRow& row : collected.rows) all.push_back(&row);
    peers.emplace(all, collected.hosts);
  }
  const absl::Span<const HostView> hosts = collected.hosts;
  const CsvShape shape{.fields = FieldsAmong(columns_), .with_peers = peers_};
  const auto record_of = [&](const ConnectionRow& row) {
    v1::ConnectionRecord record = ToRecord(row, hosts, shape.fields);
    const ConnectionRow* peer = peers ? peers->PeerOf(row) : nullptr;
    if (peer != nullptr) *record.mutable_peer_end() = PeerRecordOf(row, *peer, hosts);
    return record;
  };
  switch (context.options.output) {
    case OutputFormat::kTable:
      ConnectionTable(rows, hosts,
                      {.with_hosts = hosts.size() > 1,
                       .with_processes = processes_,
                       .columns = columns_,
                       .peers = peers ? &*peers : nullptr})
          .Print(context.out, context.out_is_terminal ? context.terminal_columns : 0,
                 context.out_color);
      break;
    case OutputFormat::kJson:
      for (const ConnectionRow* row : rows) {
        *collected.report.add_connections() = record_of(*row);
      }
      return WriteJson(context.out, collected.report);
    case OutputFormat::kJsonl:
      for (const ConnectionRow* row : rows) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, record_of(*row)));
      }
      break;
    case OutputFormat::kCsv:
      WriteCsvRow(context.out, ConnectionCsvHeader(shape));
      for (const ConnectionRow* row : rows) {
        WriteCsvRow(context.out, ConnectionCsvRow(record_of(*row), shape));
      }
      break;
  }
  return absl::OkStatus();
}

absl::Status SnapshotCommand::PrintGroups(absl::Span<const RowGroup> groups, Collected& collected,
                                          CommandContext& context) const {
  switch (context.options.output) {
    case OutputFormat::kTable:
      GroupTable(groups, group_by_)
          .Print(context.out, context.out_is_terminal ? context.terminal_columns : 0,
                 context.out_color);
      break;
    case OutputFormat::kJson:
      for (const RowGroup& group : groups) {
        *collected.report.add_groups() = GroupRecordOf(group, group_by_);
      }
      return WriteJson(context.out, collected.report);
    case OutputFormat::kJsonl:
      for (const RowGroup& group : groups) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, GroupRecordOf(group, group_by_)));
      }
      break;
    case OutputFormat::kCsv:
      WriteCsvRow(context.out, GroupHeader(group_by_));
      for (const RowGroup& group : groups) WriteCsvRow(context.out, GroupCells(group));
      break;
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> SnapshotCommand::Run(CommandContext& context) {
  TF_RETURN_IF_ERROR(CheckTogether());
  TF_ASSIGN_OR_RETURN(const filter::Filter filter, ParseFilterWords(filter_words_));
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  Collected collected = Collect(*fleet, filter, context);
  TF_RETURN_IF_ERROR(Print(collected, context));
  context.out.flush();
  for (const HostView& host : collected.hosts) SayWhatIsMissing(host, context.err);
  if (context.options.output == OutputFormat::kTable) SumUp(collected.report, context.err);
  return ConcludeFanOut(context, static_cast<size_t>(collected.report.hosts_size()),
                        collected.report.failures());
}

}  // namespace

std::unique_ptr<Command> MakeSnapshotCommand() { return std::make_unique<SnapshotCommand>(); }

}  // namespace tcpfleet::controller
