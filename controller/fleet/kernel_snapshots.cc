#include "controller/fleet/kernel_snapshots.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <utility>

#include "common/base/ip_address.h"
#include "common/base/mutex.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/fleet/collect.h"

namespace tcpfleet::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Of anything an agent sends: it has fewer counters, interfaces, CPUs and groups.
constexpr int kMostEntries = 16'384;
constexpr size_t kLongestText = 4'096;  // a command line
constexpr uint32_t kLastPort = 65'535;
constexpr int kMostConnectionHashes = 64;

absl::Status CheckText(const FieldDescriptor& field, const std::string& text) {
  if (text.size() > kLongestText || std::any_of(text.begin(), text.end(), [](unsigned char c) {
        return absl::ascii_iscntrl(c);
      })) {
    return absl::DataLossError(absl::StrCat("sent ", text.size(), " bytes of text in ",
                                            field.name(), ", or control characters"));
  }
  return absl::OkStatus();
}

absl::Status CheckNumber(const FieldDescriptor& field, double number) {
  if (std::isfinite(number) && number >= 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("sent ", number, " as ", field.name()));
}

// Every field, whatever messages there will be.
absl::Status CheckFields(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection.ListFields(message, &present);
  for (const FieldDescriptor* field : present) {
    const int entries = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    if (entries > kMostEntries) {
      return absl::DataLossError(absl::StrCat("sent ", entries, " entries of ", field->name()));
    }
    for (int i = 0; i < entries; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        TF_RETURN_IF_ERROR(CheckFields(field->is_repeated()
                                           ? reflection.GetRepeatedMessage(message, field, i)
                                           : reflection.GetMessage(message, field)));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        TF_RETURN_IF_ERROR(CheckText(*field, field->is_repeated()
                                                 ? reflection.GetRepeatedString(message, field, i)
                                                 : reflection.GetString(message, field)));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
        TF_RETURN_IF_ERROR(CheckNumber(*field, reflection.GetDouble(message, field)));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEndpoint(const std::string& address, uint32_t port) {
  if ((!address.empty() && !base::IpAddress::Parse(address).ok()) || port > kLastPort) {
    return absl::DataLossError(
        absl::StrCat("sent '", address, "', port ", port, ", as an address"));
  }
  return absl::OkStatus();
}

absl::Status CheckPools(const v1::SocketSummary& sockets) {
  const auto& seconds = sockets.rest_seconds();
  const auto ascends = [](const auto& numbers) {
    return std::is_sorted(numbers.begin(), numbers.end());
  };
  bool is_sound = ascends(seconds);
  for (const v1::SocketGroup& group : sockets.peers()) {
    const auto& resting = group.resting();
    is_sound = is_sound && resting.size() == seconds.size() &&
               std::is_sorted(resting.rbegin(), resting.rend()) &&
               (resting.empty() || resting.Get(0) <= group.sockets()) &&
               group.connection_hashes_size() <= kMostConnectionHashes &&
               ascends(group.connection_hashes());
  }
  return is_sound ? absl::OkStatus()
                  : absl::DataLossError("sent connections of a peer that do not add up");
}

absl::Status CheckSockets(const v1::SocketSummary& sockets) {
  if (sockets.port_range_low() > sockets.port_range_high() ||
      sockets.port_range_high() > kLastPort) {
    return absl::DataLossError(absl::StrCat("sent ", sockets.port_range_low(), " to ",
                                            sockets.port_range_high(), " as its range of ports"));
  }
  for (const v1::Listener& listener : sockets.listeners()) {
    TF_RETURN_IF_ERROR(CheckEndpoint(listener.address(), listener.port()));
  }
  TF_RETURN_IF_ERROR(CheckPools(sockets));
  for (const auto* groups :
       {&sockets.local_ports(), &sockets.processes(), &sockets.peers(), &sockets.time_wait()}) {
    for (const v1::SocketGroup& group : *groups) {
      TF_RETURN_IF_ERROR(CheckEndpoint(group.local_address(), group.local_port()));
      TF_RETURN_IF_ERROR(CheckEndpoint(group.peer_address(), group.peer_port()));
    }
  }
  for (const v1::PortUse& use : sockets.port_use()) {
    TF_RETURN_IF_ERROR(CheckEndpoint(use.local_address(), use.peer_port()));
    TF_RETURN_IF_ERROR(CheckEndpoint(use.peer_address(), 0));
    if (use.used() > use.usable() || use.usable() > kLastPort) {
      return absl::DataLossError(
          absl::StrCat("sent ", use.used(), " of ", use.usable(), " as used ports"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelLook> ToLook(Collected<v1::SnapshotKernelResponse> collected) {
  TF_RETURN_IF_ERROR(collected.status);
  if (collected.messages.size() != 1) {
    return absl::DataLossError(absl::StrCat("sent ", collected.messages.size(), " snapshots"));
  }
  v1::SnapshotKernelResponse& response = collected.messages[0];
  TF_RETURN_IF_ERROR(CheckKernelSnapshot(response.snapshot()));
  KernelLook look;
  look.snapshot = std::move(*response.mutable_snapshot());
  look.connections.status = absl::UnimplementedError("the agent sends no connections");
  for (const v1::ConnectionFrame& frame : response.connections()) {
    look.connections.status = AddFrame(frame, look.connections);
    if (!look.connections.status.ok()) break;
  }
  return look;
}

// The watches that have not ended.
class OpenWatches {
 public:
  explicit OpenWatches(size_t count) : open_(count) {}

  void End() ABSL_LOCKS_EXCLUDED(mutex_) {
    const base::MutexLock lock(mutex_);
    --open_;
    changed_.NotifyAll();
  }
  // Until none is open or `stop` is requested.
  void Wait(const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_) {
    const std::stop_callback wake(stop, [this] {
      { const base::MutexLock lock(mutex_); }  // the waiter is before its check, or waits
      changed_.NotifyAll();
    });
    const base::MutexLock lock(mutex_);
    while (open_ > 0 && !stop.stop_requested()) changed_.Wait(mutex_);
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  size_t open_ ABSL_GUARDED_BY(mutex_);
};

// A call that is refused while it is being made is cancelled by one of both: the callback, or its
// maker.
struct Watched {
  std::atomic<bool> is_refused = false;
  std::atomic<StreamCall*> call = nullptr;
  std::unique_ptr<StreamCall> owned_call;
};

}  // namespace

absl::Status CheckKernelSnapshot(const v1::KernelSnapshot& snapshot) {
  if (snapshot.namespaces().empty()) {
    return absl::DataLossError("sent a snapshot without its own network namespace");
  }
  TF_RETURN_IF_ERROR(CheckFields(snapshot));
  for (const v1::NamespaceStatistics& one : snapshot.namespaces()) {
    TF_RETURN_IF_ERROR(CheckSockets(one.sockets()));
  }
  for (const v1::PressureStall& stall : snapshot.host().pressure()) {
    if (std::max({stall.share_10s(), stall.share_60s(), stall.share_300s()}) > 1) {
      return absl::DataLossError("sent a pressure of more than the whole time");
    }
  }
  return absl::OkStatus();
}

std::vector<absl::StatusOr<KernelLook>> LookAtKernels(
    Fleet& fleet, const std::function<v1::SnapshotKernelRequest(size_t member)>& request_for,
    const std::stop_token& stop) {
  const auto start = [&](FleetMember& member, OnMessage<v1::SnapshotKernelResponse> on_message,
                         OnDone on_done) {
    const auto index = static_cast<size_t>(&member - fleet.members().data());
    return member.client->SnapshotKernel(request_for(index), fleet.timeout(), std::move(on_message),
                                         std::move(on_done));
  };
  std::vector<absl::StatusOr<KernelLook>> looks;
  for (auto& collected : CollectFromAgents<v1::SnapshotKernelResponse>(fleet, start, stop)) {
    looks.push_back(ToLook(std::move(collected)));
  }
  return looks;
}

std::vector<absl::StatusOr<v1::KernelSnapshot>> SnapshotKernels(
    Fleet& fleet, const v1::SnapshotKernelRequest& request, const std::stop_token& stop) {
  std::vector<absl::StatusOr<v1::KernelSnapshot>> snapshots;
  for (auto& look : LookAtKernels(
           fleet, [&](size_t) { return request; }, stop)) {
    if (look.ok()) {
      snapshots.emplace_back(std::move(look->snapshot));
    } else {
      snapshots.emplace_back(look.status());
    }
  }
  return snapshots;
}

void WatchKernels(Fleet& fleet, const v1::WatchKernelRequest& request,
                  const OnKernelSnapshot& on_snapshot, const std::stop_token& stop) {
  std::vector<Watched> members(fleet.size());
  OpenWatches open(members.size());
  for (size_t i = 0; i < members.size() && !stop.stop_requested(); ++i) {
    Watched& member = members[i];
    member.owned_call = fleet.members()[i].client->WatchKernel(
        request,
        [&, i](v1::WatchKernelResponse response) {
          if (member.is_refused) return;
          const absl::Status checked = CheckKernelSnapshot(response.snapshot());
          if (checked.ok()) {
            on_snapshot(i, std::move(*response.mutable_snapshot()));
            return;
          }
          member.is_refused = true;
          if (StreamCall* call = member.call) call->Cancel();
          on_snapshot(i, checked);
        },
        [&, i](absl::Status status) {
          if (status.ok()) status = absl::UnavailableError("the agent ended the watch");
          if (!member.is_refused && !stop.stop_requested()) on_snapshot(i, std::move(status));
          open.End();
        });
    member.call = member.owned_call.get();
    if (member.is_refused) member.owned_call->Cancel();
  }
  open.Wait(stop);
  for (Watched& member : members) {
    if (StreamCall* call = member.call) call->Cancel();
  }
  for (Watched& member : members) member.owned_call.reset();  // waits for its last callback
}

}  // namespace tcpfleet::controller
