#include "agent/probe/path_mtu.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

using Answer = Sounding::Answer;

constexpr uint32_t kLargestPacket = 65'535;
constexpr int kMostRounds = 8;
constexpr int kMostHalvings = 16;

// What links are known to carry, for those who say "too big" and not what would fit. Source: RFC
// 1191, 7.1.
constexpr std::array kPlateaus = {32'000u, 17'914u, 8'166u, 4'352u, 2'002u, 1'492u,
                                  1'006u,  576u,    508u,   296u,   68u};

class PathMtuSearch {
 public:
  PathMtuSearch(base::IpAddress::Family family, SoundedPath& path)
      : path_(path),
        least_(family == base::IpAddress::Family::kV4 ? 68 : 1'280),
        small_(family == base::IpAddress::Family::kV4 ? 576 : 1'280) {}

  absl::StatusOr<v1::ProbePathMtu> Run() {
    Descend();
    if (interrupted_) return absl::CancelledError("the probe was cancelled");
    return std::move(result_);
  }

 private:
  Sounding Sound(uint32_t bytes) {
    Sounding sounding = path_.Sound(bytes);
    interrupted_ |= sounding.answer == Answer::kInterrupted;
    return sounding;
  }

  void Descend();
  void Confirm();
  void FindBlackHole();
  uint32_t NextSize(const Sounding& too_big) const;
  void Believe(std::string detail);
  // Who made size_ what it is.
  std::string Source() const {
    return router_.empty() ? std::string("this host's route") : absl::StrCat("router ", router_);
  }

  SoundedPath& path_;
  const uint32_t least_;  // that a router may ask for
  const uint32_t small_;  // that every path is expected to take
  uint32_t size_ = kLargestPacket;
  std::string router_;
  bool small_passes_ = false;
  bool interrupted_ = false;
  v1::ProbePathMtu result_;
};

void PathMtuSearch::Descend() {
  for (int round = 0; round <= kMostRounds; ++round) {
    const Sounding sounding = Sound(size_);
    switch (sounding.answer) {
      case Answer::kReached:
        return Confirm();
      case Answer::kTooBig: {
        const uint32_t next = NextSize(sounding);
        router_ = sounding.from;
        if (next == 0) {
          return result_.set_detail(
              absl::StrCat(Source(), " says that ", size_, " bytes are too big, which cannot be"));
        }
        size_ = next;
        break;
      }
      case Answer::kRefused:
        return Believe(
            absl::StrCat(sounding.from, " does not let the datagrams pass: ", sounding.why));
      case Answer::kSilent:
        // Once more when smaller ones pass: it may have been lost like any other.
        if (small_passes_ && size_ > small_) return FindBlackHole();
        small_passes_ = size_ > small_ && Sound(small_).answer == Answer::kReached;
        if (interrupted_) return;
        if (small_passes_) break;
        return Believe(
            absl::StrCat("the target answers no datagrams; this is what ", Source(), " says"));
      case Answer::kNotSent:
        return result_.set_detail(sounding.why);
      case Answer::kInterrupted:
        return;
    }
  }
  Believe("one router after the other says that packets are too big");
}

// What the sender of `too_big` asks for, if that is possible; 0 when nothing smaller is.
uint32_t PathMtuSearch::NextSize(const Sounding& too_big) const {
  if (too_big.mtu >= least_ && too_big.mtu < size_) return too_big.mtu;
  const auto* const plateau = std::find_if(kPlateaus.begin(), kPlateaus.end(),
                                           [&](uint32_t bytes) { return bytes < size_; });
  const uint32_t next = std::max(least_, plateau == kPlateaus.end() ? 0 : *plateau);
  return next < size_ ? next : 0;
}

void PathMtuSearch::Believe(std::string detail) {
  result_.set_bytes(std::min(size_, path_.BelievedMtu().value_or(size_)));
  result_.set_detail(std::move(detail));
}

void PathMtuSearch::Confirm() {
  result_.set_bytes(size_);
  result_.set_confirmed(true);
  result_.set_detail("the target answered");
  if (router_.empty()) return;
  absl::StrAppend(result_.mutable_detail(), "; router ", router_,
                  " says that larger packets do not fit");
}

void PathMtuSearch::FindBlackHole() {
  uint32_t reached = small_;
  uint32_t vanished = size_;
  for (int i = 0; i < kMostHalvings && vanished - reached > 1; ++i) {
    const uint32_t middle = reached + (vanished - reached) / 2;
    const Answer answer = Sound(middle).answer;
    if (interrupted_) return;
    (answer == Answer::kReached ? reached : vanished) = middle;
  }
  result_.set_bytes(reached);
  result_.set_confirmed(true);
  result_.set_black_hole(true);
  result_.set_detail(absl::StrCat("larger packets vanish, although ", Source(), " says ", size_,
                                  ": path MTU black hole?"));
}

}  // namespace

absl::StatusOr<v1::ProbePathMtu> SearchPathMtu(base::IpAddress::Family family, SoundedPath& path) {
  return PathMtuSearch(family, path).Run();
}

}  // namespace tcpfleet::agent
