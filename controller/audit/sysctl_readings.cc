#include "controller/audit/sysctl_readings.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "controller/audit/sysctl_cache.h"
#include "controller/audit/sysctl_pool.h"
#include "controller/fleet/collect.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kHashBytes = 32;

// One agent's stream, taken in as it arrives so that the fleet's answers are never in memory whole.
struct Stream {
  v1::ReadSysctlsRequest request;
  SysctlReading reading;
  absl::Status status;  // of what the agent sent
  bool unchanged = false;
  size_t bytes = 0;
};

// DataLoss: keys that are none or not in their order, or a hash that is none.
absl::Status AppendPart(v1::ReadSysctlsResponse part, SysctlPool& pool, SysctlReading& reading) {
  for (v1::Sysctl& sysctl : *part.mutable_sysctls()) {
    const absl::StatusOr<std::string> key = sysctl::ParseKey(sysctl.key());
    if (!key.ok() || *key != sysctl.key() ||
        (!reading.sysctls.empty() && reading.sysctls.back().key() >= *key)) {
      return absl::DataLossError(
          absl::StrCat("sent '", sysctl.key(), "' where a key in its order was due"));
    }
    reading.sysctls.Add(pool.Share(std::move(sysctl)));
  }
  for (v1::SysctlFileProblem& problem : *part.mutable_problems()) {
    reading.problems.push_back(std::move(problem));
  }
  for (std::string& pattern : *part.mutable_unmatched()) {
    reading.unmatched.push_back(std::move(pattern));
  }
  reading.dropped += part.dropped();
  if (part.content_hash().empty()) return absl::OkStatus();
  if (part.content_hash().size() != kHashBytes || !reading.content_hash.empty()) {
    return absl::DataLossError("sent a hash that is none");
  }
  reading.content_hash = part.content_hash();
  return absl::OkStatus();
}

absl::Status Take(v1::ReadSysctlsResponse part, SysctlPool& pool, Stream& stream) {
  stream.bytes += part.ByteSizeLong();
  if (stream.bytes > kMostCollectedBytes) {
    return absl::ResourceExhaustedError("sent more than 256 MiB");
  }
  if (!part.unchanged()) return AppendPart(std::move(part), pool, stream.reading);
  if (stream.request.known_hash().empty() || part.content_hash() != stream.request.known_hash() ||
      part.sysctls_size() > 0 || !stream.reading.sysctls.empty()) {
    return absl::DataLossError("says that nothing has changed since an answer it never gave");
  }
  stream.unchanged = true;
  return absl::OkStatus();
}

SysctlReading Conclude(Stream stream, absl::Status status, const std::string& address,
                       SysctlCache* cache) {
  if (!stream.status.ok()) status = std::move(stream.status);
  if (stream.unchanged && status.ok()) return *cache->Find(address);
  stream.reading.status = std::move(status);
  if (cache != nullptr) cache->Put(address, stream.reading);
  return std::move(stream.reading);
}

}  // namespace

std::vector<SysctlReading> ReadSysctls(Fleet& fleet, const v1::ReadSysctlsRequest& request,
                                       const std::stop_token& stop, SysctlCache* cache) {
  SysctlPool pool;
  std::vector<Stream> streams(fleet.size());
  const auto start = [&](FleetMember& member, const OnMessage<v1::ReadSysctlsResponse>&,
                         OnDone on_done) {
    Stream& stream = streams[static_cast<size_t>(&member - fleet.members().data())];
    stream.request = request;
    if (const auto* known = cache ? cache->Find(member.target.address) : nullptr) {
      stream.request.set_known_hash(known->content_hash);
    }
    const auto take = [&pool, &stream](v1::ReadSysctlsResponse part) {
      if (stream.status.ok()) stream.status = Take(std::move(part), pool, stream);
    };
    return member.client->ReadSysctls(stream.request, fleet.timeout(), take, std::move(on_done));
  };
  auto collected = CollectFromAgents<v1::ReadSysctlsResponse>(fleet, start, stop);
  std::vector<SysctlReading> readings;
  for (size_t i = 0; i < collected.size(); ++i) {
    readings.push_back(Conclude(std::move(streams[i]), std::move(collected[i].status),
                                fleet.members()[i].target.address, cache));
  }
  return readings;
}

}  // namespace tcpfleet::controller
