// Samples that several hold and nobody changes: a table of connections and the encoders that
// remember what they sent of it share one record as long as it is the same for both.
//
// Threads: none; a pool and all its SampleRefs belong to one thread at a time.
// Owns:    its samples, in blocks it keeps until it is destroyed, which must be after the last
//          SampleRef.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {

class SamplePool;

namespace internal {

struct PooledSample {
  ConnectionSample sample;
  SamplePool* pool = nullptr;
  uint32_t holders = 0;

  void Prefetch() const {
    const char* const begin = reinterpret_cast<const char*>(this);
    for (size_t at = 0; at < sizeof(*this); at += 64) __builtin_prefetch(begin + at);
  }
};

}  // namespace internal

// Holds one sample, or none.
class SampleRef {
 public:
  SampleRef() = default;
  SampleRef(const SampleRef& other) : node_(other.node_) {
    if (node_ != nullptr) ++node_->holders;
  }
  SampleRef(SampleRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  SampleRef& operator=(SampleRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  inline ~SampleRef();

  const ConnectionSample* get() const { return node_ != nullptr ? &node_->sample : nullptr; }
  const ConnectionSample& operator*() const { return node_->sample; }
  const ConnectionSample* operator->() const { return &node_->sample; }
  explicit operator bool() const { return node_ != nullptr; }
  bool operator==(const SampleRef& other) const { return node_ == other.node_; }  // the same record

  // Starts to load the record: most records a poll looks at have left the cache since the last one.
  void Prefetch() const {
    if (node_ != nullptr) node_->Prefetch();
  }

  // To change it: only its one holder sees that.
  bool is_shared() const { return node_->holders > 1; }
  ConnectionSample& Mutable() { return node_->sample; }

 private:
  friend class SamplePool;
  explicit SampleRef(internal::PooledSample* node) : node_(node) { ++node_->holders; }

  internal::PooledSample* node_ = nullptr;
};

class SamplePool {
 public:
  SamplePool() = default;
  SamplePool(const SamplePool&) = delete;
  SamplePool& operator=(const SamplePool&) = delete;
  ~SamplePool() { TF_CHECK_EQ(free_.size(), blocks_.size() * kBlock); }

  SampleRef Copy(const ConnectionSample& sample) {
    return Make(sample.identity, sample.values, sample.tcp_info_tail);
  }
  SampleRef Make(const ConnectionIdentity& identity, const FieldValues& values,
                 const std::string& tcp_info_tail) {
    if (free_.empty()) Grow();
    SampleRef ref(free_.back());
    free_.pop_back();
    if (!free_.empty()) free_.back()->Prefetch();  // for the next one
    ref.Mutable().identity = identity;
    ref.Mutable().values = values;
    ref.Mutable().tcp_info_tail = tcp_info_tail;
    return ref;
  }

 private:
  friend class SampleRef;
  static constexpr size_t kBlock = 64;

  void Grow() {
    blocks_.push_back(std::make_unique<internal::PooledSample[]>(kBlock));
    for (size_t i = kBlock; i-- > 0;) {
      blocks_.back()[i].pool = this;
      free_.push_back(&blocks_.back()[i]);
    }
  }
  void Free(internal::PooledSample* node) {
    node->sample.identity.process.reset();
    node->sample.identity.cgroup.reset();
    free_.push_back(node);
  }

  std::vector<std::unique_ptr<internal::PooledSample[]>> blocks_;
  std::vector<internal::PooledSample*> free_;
};

SampleRef::~SampleRef() {
  if (node_ != nullptr && --node_->holders == 0) node_->pool->Free(node_);
}

}  // namespace tcpfleet::sockets
