#include "controller/probe/answers.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestText = 4'096;
constexpr size_t kLongestWord = 64;          // of outcomes, options and names of fields
constexpr int kMostFields = 256;             // the registry of fields has no more numbers
constexpr int kMostOptions = 16;             // of a socket
constexpr uint32_t kMostResends = 255;       // tcpi_retransmits and SYN counts have 8 bits
constexpr uint32_t kLargestPacket = 65'575;  // IPv6 with its header
constexpr uint32_t kSmallestPacket = 68;     // RFC 791

absl::Status Wrong(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("sent ", what));
}

absl::Status CheckText(absl::string_view name, const std::string& text, size_t longest) {
  if (text.size() <= longest && std::none_of(text.begin(), text.end(), [](unsigned char c) {
        return absl::ascii_iscntrl(c);
      })) {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat(text.size(), " bytes of text as ", name, ", or control characters"));
}

absl::Status CheckMicroseconds(absl::string_view name, double us) {
  if (std::isfinite(us) && us >= 0) return absl::OkStatus();
  return Wrong(absl::StrCat(us, " as ", name));
}

bool IsOfFamily(const base::IpAddress& address, v1::ProbeRequest::Family family) {
  switch (family) {
    case v1::ProbeRequest::FAMILY_IPV4:
      return address.is_v4();
    case v1::ProbeRequest::FAMILY_IPV6:
      return !address.is_v4();
    default:
      return true;
  }
}

// The nearest rank: a number that was measured.
double Quantile(const std::vector<double>& sorted, double share) {
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

v1::Distribution DistributionOf(std::vector<double> values) {
  v1::Distribution distribution;
  distribution.set_count(values.size());
  if (values.empty()) return distribution;
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  distribution.set_min(values.front());
  distribution.set_p50(Quantile(values, 0.5));
  distribution.set_p90(Quantile(values, 0.9));
  distribution.set_p99(Quantile(values, 0.99));
  distribution.set_p999(Quantile(values, 0.999));
  distribution.set_max(values.back());
  distribution.set_mean(sum / static_cast<double>(values.size()));
  return distribution;
}

class AnswerReader {
 public:
  AnswerReader(const std::string& agent, const v1::ProbeRequest& request)
      : agent_(agent), request_(request) {}

  absl::Status Read(const v1::ProbeResponse& response) {
    if (!is_resolved_ && !response.has_resolution()) return Wrong("tries before addresses");
    switch (response.event_case()) {
      case v1::ProbeResponse::kResolution:
        return ReadResolution(response.resolution());
      case v1::ProbeResponse::kTry:
        return ReadTry(response.try_());
      case v1::ProbeResponse::kPathMtu:
        return ReadPathMtu(response.path_mtu());
      case v1::ProbeResponse::EVENT_NOT_SET:
        return absl::OkStatus();  // of a later version
    }
    return absl::OkStatus();
  }

  absl::Status CheckWhole() const {
    if (!is_resolved_) return Wrong("neither addresses nor why there are none");
    for (const v1::ProbePath& path : paths_) {
      if (!path.address().empty() && path.tries() != request_.count()) {
        return Wrong(
            absl::StrCat(path.tries(), " of ", request_.count(), " tries of ", path.address()));
      }
    }
    return absl::OkStatus();
  }

  std::vector<v1::ProbePath> Finish() && {
    for (v1::ProbePath& path : paths_) {
      if (path.address().empty()) continue;
      std::vector<double> latencies;
      for (const v1::ProbeTry& one : path.single_tries()) {
        if (one.outcome() == "connected") latencies.push_back(one.duration_us());
      }
      *path.mutable_connect_latency_us() = DistributionOf(std::move(latencies));
    }
    return std::move(paths_);
  }

 private:
  absl::Status ReadResolution(const v1::ProbeResolution& resolution) {
    if (std::exchange(is_resolved_, true)) return Wrong("its addresses twice");
    TF_RETURN_IF_ERROR(CheckMicroseconds("the time of resolution", resolution.duration_us()));
    TF_RETURN_IF_ERROR(
        CheckText("the reason why a name does not resolve", resolution.error(), kLongestText));
    if (resolution.addresses().empty() == resolution.error().empty() ||
        resolution.addresses_size() > kMostProbeAddresses) {
      return Wrong(absl::StrCat(resolution.addresses_size(), " addresses, and ",
                                resolution.error().empty() ? "no" : "an", " error"));
    }
    for (const std::string& text : resolution.addresses()) {
      const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(text);
      if (!address.ok() || address->ToString() != text ||
          !IsOfFamily(*address, request_.family())) {
        return Wrong(absl::StrCat("'", text, "' as an address"));
      }
      if (Find(text) != nullptr) return Wrong(absl::StrCat(text, " twice"));
      AddPath(resolution).set_address(text);
    }
    if (resolution.addresses().empty()) AddPath(resolution);
    return absl::OkStatus();
  }

  v1::ProbePath& AddPath(const v1::ProbeResolution& resolution) {
    v1::ProbePath& path = paths_.emplace_back();
    path.set_agent(agent_);
    path.set_resolution_us(resolution.duration_us());
    path.set_resolution_error(resolution.error());
    return path;
  }

  v1::ProbePath* Find(const std::string& address) {
    const auto found = std::find_if(paths_.begin(), paths_.end(), [&](const v1::ProbePath& path) {
      return !path.address().empty() && path.address() == address;
    });
    return found == paths_.end() ? nullptr : &*found;
  }

  absl::StatusOr<v1::ProbePath*> PathTo(const std::string& address) {
    if (v1::ProbePath* const path = Find(address)) return path;
    return Wrong(absl::StrCat("'", address.substr(0, kLongestWord),
                              "', which is none of the addresses that it resolved"));
  }

  static absl::Status CheckTry(const v1::ProbeTry& one) {
    TF_RETURN_IF_ERROR(CheckMicroseconds("the time of a try", one.duration_us()));
    TF_RETURN_IF_ERROR(CheckText("an outcome", one.outcome(), kLongestWord));
    if (one.outcome().empty()) return Wrong("a try without an outcome");
    if (one.syn_retransmits() > kMostResends) {
      return Wrong(absl::StrCat(one.syn_retransmits(), " SYNs of one try"));
    }
    if (!one.local().empty() && !base::ParseEndpoint(one.local()).ok()) {
      return Wrong("a local address that is none");
    }
    if (one.options_size() > kMostOptions || one.fields_size() > kMostFields) {
      return Wrong(absl::StrCat(one.options_size(), " options and ", one.fields_size(),
                                " fields of one socket"));
    }
    for (const std::string& option : one.options()) {
      TF_RETURN_IF_ERROR(CheckText("an option", option, kLongestWord));
    }
    for (const auto& [name, value] : one.fields()) {
      TF_RETURN_IF_ERROR(CheckText("the name of a field", name, kLongestWord));
    }
    return absl::OkStatus();
  }

  absl::Status ReadTry(const v1::ProbeTry& one) {
    TF_ASSIGN_OR_RETURN(v1::ProbePath* const path, PathTo(one.address()));
    TF_RETURN_IF_ERROR(CheckTry(one));
    if (one.number() != path->tries() + 1 || one.number() > request_.count()) {
      return Wrong(
          absl::StrCat("try ", one.number(), " after ", path->tries(), " of ", request_.count()));
    }
    path->set_tries(one.number());
    path->set_syn_retransmits(path->syn_retransmits() + one.syn_retransmits());
    if (one.outcome() == "connected") {
      path->set_connected(path->connected() + 1);
      *path->mutable_options() = one.options();
      *path->mutable_fields() = one.fields();
    } else {
      ++(*path->mutable_failed())[one.outcome()];
    }
    *path->add_single_tries() = one;
    return absl::OkStatus();
  }

  absl::Status ReadPathMtu(const v1::ProbePathMtu& path_mtu) {
    TF_ASSIGN_OR_RETURN(v1::ProbePath* const path, PathTo(path_mtu.address()));
    if (path->has_path_mtu()) return Wrong(absl::StrCat("two path MTUs of ", path->address()));
    TF_RETURN_IF_ERROR(CheckText("how a path MTU was found", path_mtu.detail(), kLongestText));
    if (path_mtu.has_bytes() &&
        (path_mtu.bytes() < kSmallestPacket || path_mtu.bytes() > kLargestPacket)) {
      return Wrong(absl::StrCat(path_mtu.bytes(), " bytes as a path MTU"));
    }
    *path->mutable_path_mtu() = path_mtu;
    return absl::OkStatus();
  }

  const std::string& agent_;
  const v1::ProbeRequest& request_;
  bool is_resolved_ = false;
  std::vector<v1::ProbePath> paths_;
};

}  // namespace

absl::StatusOr<std::vector<v1::ProbePath>> PathsOf(const std::string& agent,
                                                   const v1::ProbeRequest& request,
                                                   const std::vector<v1::ProbeResponse>& responses,
                                                   bool is_whole) {
  AnswerReader reader(agent, request);
  for (const v1::ProbeResponse& response : responses) TF_RETURN_IF_ERROR(reader.Read(response));
  if (is_whole) {
    TF_RETURN_IF_ERROR(reader.CheckWhole());
  }
  return std::move(reader).Finish();
}

}  // namespace tcpfleet::controller
