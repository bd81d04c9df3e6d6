// test/native/pure/text/model.h — a text index that is too simple to be wrong: every document as a
// list of terms, every query answered by scoring all of them with BM25 as it is written in books.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pure/text/language.h"
#include "pure/text/text.h"
#include "pure/text/tokens.h"

namespace varve::test {

// What a query means, said without its language.
struct Asked {
  enum class Kind { kWord, kPrefix, kNear, kPhrase, kAny, kAll, kBut };
  Kind kind = Kind::kWord;
  std::vector<std::string> words;
  uint32_t edits = 0;
  double boost = 1;
  std::vector<Asked> parts;  // Of kBut the first without the others.
};

class TextModel {
 public:
  TextModel(uint32_t languages, double k1, double b) : languages_(languages), k1_(k1), b_(b) {}

  std::vector<std::string> terms(std::string_view text) const {
    std::vector<std::string> all;
    TokenReader reader(text);
    for (Token token; reader.next(token);) {
      std::string term(token.term);
      const uint32_t size = static_cast<uint32_t>(term.size());
      term.push_back('\0');
      term.resize(stem(languages_, term.data(), size));
      all.push_back(std::move(term));
    }
    return all;
  }
  void add(uint32_t id, std::string_view text) {
    documents_[id] = terms(text);
    idfs_.clear();
  }
  void remove(uint32_t id) {
    documents_.erase(id);
    idfs_.clear();
  }
  bool has(uint32_t id) const { return documents_.contains(id); }
  size_t size() const { return documents_.size(); }
  const std::map<uint32_t, std::vector<std::string>>& documents() const { return documents_; }

  // All that match, best first, equal ones by id.
  std::vector<TextHit> search(const Asked& asked) const {
    std::vector<TextHit> hits;
    double sum = 0;
    for (const auto& [id, terms] : documents_) sum += static_cast<double>(terms.size());
    average_ = sum / static_cast<double>(documents_.size());
    for (const auto& [id, terms] : documents_) {
      double score = 0;
      if (matches(asked, terms, score)) hits.push_back({id, score});
    }
    std::ranges::stable_sort(hits, [](const TextHit& a, const TextHit& b) {
      return std::abs(a.score - b.score) > 1e-12 * a.score ? a.score > b.score : a.id < b.id;
    });
    return hits;
  }

  static uint32_t distance(const std::string& a, const std::string& b) {
    std::vector<uint32_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<uint32_t>(j);
    for (size_t i = 1; i <= a.size(); ++i) {
      uint32_t corner = row[0]++;
      for (size_t j = 1; j <= b.size(); ++j) {
        const uint32_t changed = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
        corner = row[j];
        row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
      }
    }
    return row.back();
  }

 private:
  double idf(const std::string& term) const {
    const auto known = idfs_.find(term);
    if (known != idfs_.end()) return known->second;
    double with = 0;
    for (const auto& [id, terms] : documents_) {
      with += std::ranges::find(terms, term) != terms.end() ? 1 : 0;
    }
    const double all = static_cast<double>(documents_.size());
    return idfs_[term] = std::log(1 + (all - with + 0.5) / (with + 0.5));
  }
  double bm25(double weight, double often, size_t length) const {
    const double norm = 1 - b_ + b_ * static_cast<double>(length) / average_;
    return weight * often * (k1_ + 1) / (often + k1_ * norm);
  }
  bool one_word(const std::string& word, double boost, const std::vector<std::string>& terms,
                double& score) const {
    const auto often = std::ranges::count(terms, word);
    if (often > 0) score += bm25(idf(word) * boost, static_cast<double>(often), terms.size());
    return often > 0;
  }
  bool expanded(const Asked& asked, const std::vector<std::string>& terms, double& score) const {
    const std::set<std::string> distinct(terms.begin(), terms.end());
    bool is_in = false;
    for (const std::string& term : distinct) {
      const bool is_word = term == asked.words[0];
      double factor = is_word ? 1 : 0.5;
      if (asked.kind == Asked::Kind::kPrefix) {
        if (!term.starts_with(asked.words[0])) continue;
      } else {
        const uint32_t edits = distance(asked.words[0], term);
        if (edits > asked.edits) continue;
        if (edits == 2) factor = 0.25;
      }
      is_in = one_word(term, asked.boost * factor, terms, score) || is_in;
    }
    return is_in;
  }
  bool phrase(const Asked& asked, const std::vector<std::string>& terms, double& score) const {
    double often = 0;
    for (size_t at = 0; at + asked.words.size() <= terms.size(); ++at) {
      if (std::equal(asked.words.begin(), asked.words.end(),
                     terms.begin() + static_cast<ptrdiff_t>(at)))
        often += 1;
    }
    if (often == 0) return false;
    double weight = 0;
    for (const std::string& word : asked.words) weight += idf(word);
    score += bm25(weight * asked.boost, often, terms.size());
    return true;
  }
  // Adds to the score only where it matches.
  bool matches(const Asked& asked, const std::vector<std::string>& terms, double& score) const {
    double sum = 0;
    const auto matches_part = [&](const Asked& part) { return matches(part, terms, sum); };
    bool is_in = false;
    double ignored = 0;
    switch (asked.kind) {
      case Asked::Kind::kWord: is_in = one_word(asked.words[0], asked.boost, terms, sum); break;
      case Asked::Kind::kPrefix:
      case Asked::Kind::kNear: is_in = expanded(asked, terms, sum); break;
      case Asked::Kind::kPhrase: is_in = phrase(asked, terms, sum); break;
      case Asked::Kind::kAny:
        for (const Asked& part : asked.parts) is_in = matches_part(part) || is_in;
        break;
      case Asked::Kind::kAll: is_in = std::ranges::all_of(asked.parts, matches_part); break;
      case Asked::Kind::kBut:
        is_in = matches_part(asked.parts[0]) &&
                std::none_of(asked.parts.begin() + 1, asked.parts.end(),
                             [&](const Asked& part) { return matches(part, terms, ignored); });
        break;
    }
    if (is_in) score += sum;
    return is_in;
  }

  uint32_t languages_;
  double k1_;
  double b_;
  std::map<uint32_t, std::vector<std::string>> documents_;
  mutable std::map<std::string, double> idfs_;  // Until something changes.
  mutable double average_ = 0;                  // Of one search.
};

}  // namespace varve::test
