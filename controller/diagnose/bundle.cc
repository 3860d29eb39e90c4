#include "controller/diagnose/bundle.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <zstd.h>

#include <memory>
#include <set>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sockets/compression.h"
#include "common/sys/file.h"
#include "controller/diagnose/collect.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/kernel_snapshots.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kFirstLine = "tcpfleet evidence 1\n";
constexpr absl::string_view kAnyFirstLine = "tcpfleet evidence ";
constexpr int kCompressionLevel = 3;
constexpr int kMostSysctls = 10'000;
constexpr int kMostMissing = 10'000;

// Maps have no order of their own.
std::string Deterministic(const v1::EvidenceBundle& bundle) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  bundle.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

absl::Status Refuse(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status CheckHost(const v1::HostEvidence& host) {
  if (host.name().empty()) return Refuse("a host without a name");
  if (host.snapshots_size() > kMostSamples || host.sockets_size() > kMostSamples) {
    return Refuse(absl::StrCat("more than ", kMostSamples, " samples"));
  }
  if (host.sysctls_size() > kMostSysctls || host.missing_size() > kMostMissing) {
    return Refuse("more parameters than a host has");
  }
  for (const v1::KernelSnapshot& snapshot : host.snapshots()) {
    TF_RETURN_IF_ERROR(CheckKernelSnapshot(snapshot));
  }
  int64_t before_ns = 0;
  for (const v1::SocketSample& sample : host.sockets()) {
    if (sample.connections_size() > kMostConnections) {
      return Refuse(absl::StrCat("more than ", kMostConnections, " connections in a sample"));
    }
    if (sample.monotonic_ns() < before_ns) return Refuse("samples are not in the order of time");
    before_ns = sample.monotonic_ns();
  }
  return absl::OkStatus();
}

absl::Status CheckBundle(const v1::EvidenceBundle& bundle) {
  if (bundle.format() != 1) return Refuse("evidence of an unknown format");
  if (static_cast<size_t>(bundle.hosts_size()) > kMostAgents) return Refuse("too many hosts");
  std::set<std::string> names;
  for (const v1::HostEvidence& host : bundle.hosts()) {
    TF_RETURN_IF_ERROR(base::WithContext(host.name(), CheckHost(host)));
    if (!names.insert(host.name()).second) {
      return Refuse(absl::StrCat("host '", host.name(), "' is in it twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string PackBundle(const v1::EvidenceBundle& bundle) {
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                   &ZSTD_freeCCtx);
  return absl::StrCat(kFirstLine,
                      sockets::Compress(Deterministic(bundle), kCompressionLevel, context.get()));
}

absl::StatusOr<v1::EvidenceBundle> UnpackBundle(absl::string_view content) {
  if (!absl::StartsWith(content, kFirstLine)) {
    return Refuse(absl::StartsWith(content, kAnyFirstLine)
                      ? "written by a newer tcpfleet"
                      : "no evidence: write such a file with `tcpfleet diagnose --bundle FILE`");
  }
  content.remove_prefix(kFirstLine.size());
  const uint64_t size = ZSTD_getFrameContentSize(content.data(), content.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size > kMostBundleBytes) {
    return Refuse("the file is torn");
  }
  const absl::StatusOr<std::string> bytes = sockets::Decompress(content, size);
  v1::EvidenceBundle bundle;
  if (!bytes.ok() || !bundle.ParseFromString(*bytes)) return Refuse("the file is torn");
  const absl::Status sound = CheckBundle(bundle);
  // Whatever was wrong with an agent's message is wrong with the file here.
  if (!sound.ok()) return Refuse(sound.message());
  return bundle;
}

absl::Status WriteBundle(const std::string& path, const v1::EvidenceBundle& bundle) {
  return sys::ReplaceFile(path, PackBundle(bundle));
}

absl::StatusOr<v1::EvidenceBundle> ReadBundle(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const std::string content, sys::ReadFile(path, kMostBundleBytes));
  absl::StatusOr<v1::EvidenceBundle> bundle = UnpackBundle(content);
  if (!bundle.ok()) return base::WithContext(path, bundle.status());
  return bundle;
}

}  // namespace tcpfleet::controller
