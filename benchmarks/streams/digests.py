"""SHA-256 of each stream's CSV file, so that everybody measures on the same bytes."""

from __future__ import annotations

DIGESTS: dict[str, str] = {
    "flights-ua": "b91f86e9d7a77e445120b2a90d215fe7e793261108eac73347ab43c13d5d5e67",
    "mpls-stops": "fdded0a06cc9cf98ac345fe6e413faabccc7444abe0d0a87925910b299cbdc2f",
    "nass-cds": "d3d3cfae17889bb29ddecab83ed0dd31be6346addd8f9c8e4fbc23e67d02b3a8",
    "movielens": "d81aede0b996f735d09739ae2d444f0e90f0435c08673127aa655b1f903af182",
    "rodents": "53553b3876d6abf06531119a48fb2f034d8e4f28313e509917ee82abbbd3554d",
    "demand": "b0a5e948aebe2ecec61338370e2d7c1939c1f412d83ff7a511c4190a8979e9fa",
    "covid-tests": "bda13758f40ebead05f87a77d6af367255d9d35fc85aa496fd0360601dde0e24",
    "agr-abrupt": "6556120fde74a7c830dd6057d24934eb5764389886641abd8357c4544e154f73",
    "agr-gradual": "3b77eb0fb210aa0822345b1e9ef0f3a20800812c52306670c33218288a44c334",
    "hyper": "f2c1c78de6411b37098eb785716b61332bd698deb4bfbb6009684d12d62fe4c4",
    "rbf": "91c188477ce4e773aefa278a8b86f5a257c04d873a1687a23097b77edabbda0c",
    "sea": "28aca86167633ba871df2183d9d471bc54d13241953361338f0c43f7c36c0435",
    "bananas": "5eeb5eae82cb652faf37cbadfeecf98ff775e895a618f0e76001338705477393",
    "segments": "d8845cf5ab6738e136069b37d4587d41553739088639c50ac97672d4aa04f366",
    "shuttle": "b3e5d9ff544321872b8b01c748f7e4f1c5693caf8ec00efff5835ece1f913642",
    "adult": "6f8f2babc5ee744afd03f6d978d8d6b3e3b0aae240d931c4976a9cce7af0d347",
    "compas": "4f15c26d706a3370ca2d77c3fa497aaa4f3948b7992b4ef5348d9a02c36ca2b8",
    "credit-cards": "59c594ee504f1347b5a7b1957fb8082fe69eb78a0f058505371bae872c9bbeed",
    "diamonds": "5988606488737e5c43fbaef6c06cf0b36fa63e4cbdb602749720d42452e5e3ed",
    "voters": "5741b98efca9a150b2aabbefea38b6bbc9c92a3a18d022b7a8a8aa10f2144ac1",
    "patients": "12167db879fe4378ceb3742cf5104816cce253448019c5e9356350d9204bb548",
    "insults": "038d003fe3a09dc6626a6ac5f4070803a58d2366b263b079b40840e6acba523c",
}
