// A clock, a source and a sink that the test holds in its hands.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "agent/sockets/frame_sink.h"
#include "agent/sockets/sample_source.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/sockets/frame_decoder.h"

namespace tcpfleet::agent {

inline constexpr int64_t kMillisecondNs = 1'000'000;

inline sockets::ConnectionSample Connection(uint64_t cookie, uint16_t remote_port = 443,
                                            uint64_t state = 1) {
  sockets::ConnectionSample sample;
  sample.identity.cookie = cookie;
  sample.identity.local = {base::IpAddress::V4({10, 0, 0, 1}), static_cast<uint16_t>(cookie)};
  sample.identity.remote = {base::IpAddress::V4({10, 0, 0, 2}), remote_port};
  sample.values.Set(sockets::Field::kState, state);
  return sample;
}

// Without what the sampler adds.
inline sockets::ConnectionSample AsSampled(sockets::ConnectionSample sample) {
  sample.values.Erase(sockets::Field::kFirstSeenAtMs);
  sample.values.Erase(sockets::Field::kOpeningSeen);
  return sample;
}

// Stands still until Advance.
class ManualClock final : public base::Clock {
 public:
  int64_t MonotonicNs() const override {
    std::lock_guard lock(mutex_);
    return now_ns_;
  }
  absl::Time Now() const override { return absl::FromUnixNanos(MonotonicNs()); }
  bool SleepUntil(int64_t deadline_ns, std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    advanced_.wait(lock, stop, [&] { return now_ns_ >= deadline_ns; });
    return !stop.stop_requested();
  }
  void Advance(int64_t ns) {
    {
      std::lock_guard lock(mutex_);
      now_ns_ += ns;
    }
    advanced_.notify_all();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any advanced_;
  int64_t now_ns_ = 1'000'000 * kMillisecondNs;
};

// Keeps what it is given.
class ListSink final : public PollSink {
 public:
  void Begin(int64_t) override { samples.clear(); }
  bool HasRecord(const Sighting&) override { return false; }
  bool Take(const Sighting& sighting, const sockets::ConnectionSample& sample) override {
    sightings.push_back(sighting);
    samples.push_back(sample);
    return true;
  }

  std::vector<Sighting> sightings;
  std::vector<sockets::ConnectionSample> samples;
};

class FakeSource final : public SampleSource {
 public:
  explicit FakeSource(const base::Clock* clock) : clock_(clock) {}

  absl::StatusOr<PollResult> Poll(const PollRequest& request, PollSink& sink) override {
    base::MutexLock lock(mutex_);
    ++polls_;
    polled_.NotifyAll();
    last_request_ = request;
    PollResult result;
    result.monotonic_ns = clock_->MonotonicNs();
    sink.Begin(result.monotonic_ns);
    GiveAll(connections_, sink);
    if (!status_.ok()) return status_;
    result.skipped = skipped_;
    return result;
  }
  std::vector<v1::Collector> Describe() const override {
    v1::Collector collector;
    collector.set_name("fake");
    return {collector};
  }

  static void GiveAll(const std::vector<sockets::ConnectionSample>& connections, PollSink& sink) {
    for (const sockets::ConnectionSample& sample : connections) {
      const Sighting sighting{sample.identity.cookie, sample.identity.network_namespace, 0, {}};
      if (!sink.HasRecord(sighting)) sink.Take(sighting, sample);
    }
  }

  void Have(std::vector<sockets::ConnectionSample> connections,
            std::vector<SkippedSocket> skipped = {}) {
    base::MutexLock lock(mutex_);
    connections_ = std::move(connections);
    skipped_ = std::move(skipped);
  }
  void FailWith(absl::Status status) {
    base::MutexLock lock(mutex_);
    status_ = std::move(status);
  }
  // The sampler delivers a poll before it begins the next one.
  void WaitForPolls(int count) {
    base::MutexLock lock(mutex_);
    while (polls_ < count) polled_.Wait(mutex_);
  }
  int polls() {
    base::MutexLock lock(mutex_);
    return polls_;
  }
  PollRequest last_request() {
    base::MutexLock lock(mutex_);
    return last_request_;
  }

 private:
  const base::Clock* const clock_;
  base::Mutex mutex_;
  base::CondVar polled_;
  std::vector<sockets::ConnectionSample> connections_ ABSL_GUARDED_BY(mutex_);
  std::vector<SkippedSocket> skipped_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int polls_ ABSL_GUARDED_BY(mutex_) = 0;
  PollRequest last_request_ ABSL_GUARDED_BY(mutex_);
};

class FakeSink final : public FrameSink {
 public:
  bool Ready() override {
    base::MutexLock lock(mutex_);
    return is_ready_;
  }
  void Send(v1::ConnectionFrame frame) override {
    base::MutexLock lock(mutex_);
    EXPECT_TRUE(status_.ok()) << "a frame after the last call";
    EXPECT_TRUE(decoder_.Apply(frame).ok());
    for (const sockets::ClosedConnection& closed : decoder_.closed()) closed_.push_back(closed);
    frames_.push_back(std::move(frame));
    changed_.NotifyAll();
    while (holds_) changed_.Wait(mutex_);
    ++finished_sends_;
  }
  void Fail(const absl::Status& status) override {
    base::MutexLock lock(mutex_);
    EXPECT_TRUE(status_.ok()) << "failed twice";
    status_ = status;
    changed_.NotifyAll();
  }

  void SetReady(bool ready) {
    base::MutexLock lock(mutex_);
    is_ready_ = ready;
  }
  // While held, Send does not return.
  void Hold(bool hold) {
    base::MutexLock lock(mutex_);
    holds_ = hold;
    changed_.NotifyAll();
  }
  v1::ConnectionFrame WaitForFrame(size_t number) {
    base::MutexLock lock(mutex_);
    while (frames_.size() < number) changed_.Wait(mutex_);
    return frames_[number - 1];
  }
  absl::Status WaitForFail() {
    base::MutexLock lock(mutex_);
    while (status_.ok()) changed_.Wait(mutex_);
    return status_;
  }
  size_t frames() {
    base::MutexLock lock(mutex_);
    return frames_.size();
  }
  int finished_sends() {
    base::MutexLock lock(mutex_);
    return finished_sends_;
  }
  std::vector<uint64_t> LiveCookies() {
    base::MutexLock lock(mutex_);
    std::vector<uint64_t> cookies;
    for (const auto& [row, sample] : decoder_.rows()) cookies.push_back(sample.identity.cookie);
    return cookies;
  }
  std::vector<sockets::ClosedConnection> closed() {
    base::MutexLock lock(mutex_);
    return closed_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_ready_ ABSL_GUARDED_BY(mutex_) = true;
  bool holds_ ABSL_GUARDED_BY(mutex_) = false;
  int finished_sends_ ABSL_GUARDED_BY(mutex_) = 0;
  sockets::FrameDecoder decoder_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ConnectionFrame> frames_ ABSL_GUARDED_BY(mutex_);
  std::vector<sockets::ClosedConnection> closed_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::agent
