/* SPDX-License-Identifier: Apache-2.0
 *
 * anchor_recorded.h - exchanges with real systems, recorded for the tests: receipts of Rekor 1.5.4 and of Rekor on
 * tiles 2.2.1 (with keys of their own, made for this), and of `openssl ts`, of two entries each.
 *
 * The log's key is that of fixture.h with seed 7.  The second entry is signed with ECDSA P-256.
 */
#ifndef SERVICES_NOTARY_ANCHORS_ANCHOR_RECORDED_H
#define SERVICES_NOTARY_ANCHORS_ANCHOR_RECORDED_H

/* clang-format off */
static const char recorded_leaf[] =
    "{\"event_id\":\"e-77\"}";

static const char recorded_signed_leaf[] =
    "{\"event_id\":\"e-p256\",\"receipt\":{\"evidence_package_hash\":\"sha256:f58648470054614dd08e09b6410"
    "b7535f060f99485e9c8c120c4c5eba2756b16\",\"integrated_time\":1,\"public_key_b64\":\"MFkwEwYHKoZIzj0CA"
    "QYIKoZIzj0DAQcDQgAE6GPmuyZ2Eg+VEj3nLs6xcg79iE5oGn5Kbfz5hq/sZh9gOEsCXnWBw04Gv0FcajU2pq+RXiS7yUv9IC8L5"
    "v9qig==\",\"rekor_log_id\":\"x\",\"rekor_server_url\":\"g\",\"signature_b64\":\"MEQCIGSkONrXG7lA+MoA"
    "96NCXEWHox48xa8i9DA6FP7uuFWbAiAnIVDzRtgNBpuIvUzApRXqVVz1heQ4+CXgV3/o9rDhQA==\"},\"result_hash\":\"sh"
    "a256:0\"}";

static const char recorded_rekor_v1[] =
    "{\"anchor\":\"rekor-v1\",\"body_b64\":\"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiZHNzZSIsInNwZWMiOnsi"
    "ZW52ZWxvcGVIYXNoIjp7ImFsZ29yaXRobSI6InNoYTI1NiIsInZhbHVlIjoiNzE1MTIyMDA4ZTQ0NzExMjFlNjhjNWQ3MGQ3YjNk"
    "YWU3M2NjYmIyNjY5YzE5Mjc2ZTVjNTI4ZmFlY2Y4MzMyMiJ9LCJwYXlsb2FkSGFzaCI6eyJhbGdvcml0aG0iOiJzaGEyNTYiLCJ2"
    "YWx1ZSI6IjJhNTc1NGJjOGQwNWQ1Y2ZlZDBlM2NmMmRkYjAzNDNmNGQ3YmU1MTlhYzdkOTU4Y2Q1OGMxZTgwN2QxMGNjZWIifSwi"
    "c2lnbmF0dXJlcyI6W3sic2lnbmF0dXJlIjoiV2pHVXlyRnVoVGc4R0xrYy9vdHRsK1ExWjlPUVJHSVdHS2JzNEpZZVdyVlMzcXN5"
    "b0Z3ODI2eGErSVBpcVc4UExDTFM0N3N4WnFMYjNaMjhIZVgwQkE9PSIsInZlcmlmaWVyIjoiTFMwdExTMUNSVWRKVGlCUVZVSk1T"
    "VU1nUzBWWkxTMHRMUzBLVFVOdmQwSlJXVVJMTWxaM1FYbEZRVFpyY0hOWkswdGpWV2R4S3psV1FqZEZlVGRHSzFwV1NHUnhOaXQy"
    "Ym5WVFVXZzNjV0ZTVWtjd2FYYzlDaTB0TFMwdFJVNUVJRkJWUWt4SlF5QkxSVmt0TFMwdExRbz0ifV19fQ==\",\"checkpoint\""
    ":\"vm - 988642172980898228\\n2\\nOSXckFSRcYetjKvRvHge8xS/bXe2haQcEqp5gAQ7nKo=\\n\\n— vm i0nfxTBFAiBa"
    "yhe1AWx5yKXz9xJmko+R+ktVxq1gl6f+VlhqFsGrrwIhAPuITiAt3DSSGuwkSfVWe6CtvmUqGCN3IR6C4v0wE2hP\\n\",\"hash"
    "es\":[\"9347f48a6605198ef753682d23a4612dc5b006177cc83c30fe1a2206b1eb2c9e\"],\"index\":0,\"integrated"
    "_time\":1795325297,\"log_id\":\"8b49dfc5655a778a9c035b90a0e14f33a4fb20ca1f2795ffd44b4752dc06d970\",\""
    "log_index\":0,\"log_key_b64\":\"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9oNh4lm5klcQjdMWD7DJcTW6b1Bvy3cV"
    "DdYZZKJ8/C8iBr8qvzxaf0zZmg25dVeR6l6lj6N3t779V1Kb/bwAbw==\",\"set_b64\":\"MEUCIFHB9FMrKHI6oWzMAojm//k"
    "J1w06hfkATmpR+0itZWc6AiEAyhfizW3mA+ocwnz/ROUjR+e+TKsSnvJvtSYc/WmFCDI=\",\"url\":\"http://127.0.0.1:1"
    "9420\"}";

static const char recorded_rekor_v2[] =
    "{\"anchor\":\"rekor-v2\",\"body_b64\":\"eyJhcGlWZXJzaW9uIjoiMC4wLjIiLCJraW5kIjoiZHNzZSIsInNwZWMiOnsi"
    "ZHNzZVYwMDIiOnsicGF5bG9hZEhhc2giOnsiYWxnb3JpdGhtIjoiU0hBMl8yNTYiLCJkaWdlc3QiOiJLbGRVdkkwRjFjL3REanp5"
    "M2JBMFAwMTc1Um1zZlpXTTFZd2VnSDBRek9zPSJ9LCJzaWduYXR1cmVzIjpbeyJjb250ZW50IjoiV2pHVXlyRnVoVGc4R0xrYy9v"
    "dHRsK1ExWjlPUVJHSVdHS2JzNEpZZVdyVlMzcXN5b0Z3ODI2eGErSVBpcVc4UExDTFM0N3N4WnFMYjNaMjhIZVgwQkE9PSIsInZl"
    "cmlmaWVyIjp7ImtleURldGFpbHMiOiJQS0lYX0VEMjU1MTkiLCJwdWJsaWNLZXkiOnsicmF3Qnl0ZXMiOiJNQ293QlFZREsyVndB"
    "eUVBNmtwc1krS2NVZ3ErOVZCN0V5N0YrWlZIZHE2K3ZudVNRaDdxYVJSRzBpdz0ifX19XX19fQ==\",\"checkpoint\":\"reko"
    "r-local\\n3\\nVutZQHq1nTTtJi3RsOlrBzonIvZ1WGpvHUmQMlDNIxI=\\n\\n— rekor-local l1nx4OIHTSlCmHncVylh37"
    "W8GJb9cVGGyUHtaDiugxZ+YDrsBgSvM+w/abEOLZ0TorwmHEWtAb+KjRGzNQnVxzwDrQ0=\\n\",\"hashes\":[\"e27f5f9cbc"
    "9eb59a239192deb3f7a2bf342d2399ecd4e67dc0aa2d4f5155acdf\",\"dddcc31498719c785e374bb0b1c02e1ab6bb63415"
    "ace6a586694d636634dc5dc\"],\"index\":1,\"log_key_b64\":\"MCowBQYDK2VwAyEAJ3xX12b3IyDWdxSv8BFMml417TZ"
    "N9T7kgCe2CappsUA=\",\"url\":\"http://127.0.0.1:19400\"}";

static const char recorded_rekor_v1_hashed[] =
    "{\"anchor\":\"rekor-v1\",\"body_b64\":\"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiaGFzaGVkcmVrb3JkIiwi"
    "c3BlYyI6eyJkYXRhIjp7Imhhc2giOnsiYWxnb3JpdGhtIjoic2hhMjU2IiwidmFsdWUiOiJmNTg2NDg0NzAwNTQ2MTRkZDA4ZTA5"
    "YjY0MTBiNzUzNWYwNjBmOTk0ODVlOWM4YzEyMGM0YzVlYmEyNzU2YjE2In19LCJzaWduYXR1cmUiOnsiY29udGVudCI6Ik1FUUNJ"
    "R1NrT05yWEc3bEErTW9BOTZOQ1hFV0hveDQ4eGE4aTlEQTZGUDd1dUZXYkFpQW5JVkR6UnRnTkJwdUl2VXpBcFJYcVZWejFoZVE0"
    "K0NYZ1YzL285ckRoUUE9PSIsInB1YmxpY0tleSI6eyJjb250ZW50IjoiTFMwdExTMUNSVWRKVGlCUVZVSk1TVU1nUzBWWkxTMHRM"
    "UzBLVFVacmQwVjNXVWhMYjFwSmVtb3dRMEZSV1VsTGIxcEplbW93UkVGUlkwUlJaMEZGTmtkUWJYVjVXakpGWnl0V1JXb3pia3h6"
    "Tm5oalp6YzVhVVUxYndwSGJqVkxZbVo2TldoeEwzTmFhRGxuVDBWelExaHVWMEozTURSSGRqQkdZMkZxVlRKd2NTdFNXR2xUTjNs"
    "VmRqbEpRemhNTlhZNWNXbG5QVDBLTFMwdExTMUZUa1FnVUZWQ1RFbERJRXRGV1MwdExTMHRDZz09In19fX0=\",\"checkpoint\""
    ":\"vm - 988642172980898228\\n2\\nOSXckFSRcYetjKvRvHge8xS/bXe2haQcEqp5gAQ7nKo=\\n\\n— vm i0nfxTBEAiAY"
    "hciKPZuGMwQYZLhTgs9RHop1DrB66j6H9w0zkuo7qAIgYOjAgfSLQwdY+WJYsABJw69ICMphiTocM7ktquRBBkI=\\n\",\"hash"
    "es\":[\"ff8e7b6617539ffbf8867cb651c3af587029266b03f7b93491c5b550e8076d63\"],\"index\":1,\"integrated"
    "_time\":1795325297,\"log_id\":\"8b49dfc5655a778a9c035b90a0e14f33a4fb20ca1f2795ffd44b4752dc06d970\",\""
    "log_index\":1,\"log_key_b64\":\"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9oNh4lm5klcQjdMWD7DJcTW6b1Bvy3cV"
    "DdYZZKJ8/C8iBr8qvzxaf0zZmg25dVeR6l6lj6N3t779V1Kb/bwAbw==\",\"set_b64\":\"MEUCIQD+q9aYLu/+h/rZtcm+Hui"
    "pqShGOLph0B2lfHR1vmjFoAIgEIgnv0lJSbYlnXPO5s7OfonyL+LUVmpqeftx15UOQ3Y=\",\"url\":\"http://127.0.0.1:1"
    "9420\"}";

static const char recorded_rekor_v2_hashed[] =
    "{\"anchor\":\"rekor-v2\",\"body_b64\":\"eyJhcGlWZXJzaW9uIjoiMC4wLjIiLCJraW5kIjoiaGFzaGVkcmVrb3JkIiwi"
    "c3BlYyI6eyJoYXNoZWRSZWtvcmRWMDAyIjp7ImRhdGEiOnsiYWxnb3JpdGhtIjoiU0hBMl8yNTYiLCJkaWdlc3QiOiI5WVpJUndC"
    "VVlVM1FqZ20yUVF0MU5mQmcrWlNGNmNqQklNVEY2NkoxYXhZPSJ9LCJzaWduYXR1cmUiOnsiY29udGVudCI6Ik1FUUNJR1NrT05y"
    "WEc3bEErTW9BOTZOQ1hFV0hveDQ4eGE4aTlEQTZGUDd1dUZXYkFpQW5JVkR6UnRnTkJwdUl2VXpBcFJYcVZWejFoZVE0K0NYZ1Yz"
    "L285ckRoUUE9PSIsInZlcmlmaWVyIjp7ImtleURldGFpbHMiOiJQS0lYX0VDRFNBX1AyNTZfU0hBXzI1NiIsInB1YmxpY0tleSI6"
    "eyJyYXdCeXRlcyI6Ik1Ga3dFd1lIS29aSXpqMENBUVlJS29aSXpqMERBUWNEUWdBRTZHUG11eVoyRWcrVkVqM25MczZ4Y2c3OWlF"
    "NW9HbjVLYmZ6NWhxL3NaaDlnT0VzQ1huV0J3MDRHdjBGY2FqVTJwcStSWGlTN3lVdjlJQzhMNXY5cWlnPT0ifX19fX19\",\"che"
    "ckpoint\":\"rekor-local\\n3\\nVutZQHq1nTTtJi3RsOlrBzonIvZ1WGpvHUmQMlDNIxI=\\n\\n— rekor-local l1nx4O"
    "IHTSlCmHncVylh37W8GJb9cVGGyUHtaDiugxZ+YDrsBgSvM+w/abEOLZ0TorwmHEWtAb+KjRGzNQnVxzwDrQ0=\\n\",\"hashes"
    "\":[\"d99e8f3b8ad103802dcc2abbf95700f9d003b29502dc14b60801afc39a259683\"],\"index\":2,\"log_key_b64\""
    ":\"MCowBQYDK2VwAyEAJ3xX12b3IyDWdxSv8BFMml417TZN9T7kgCe2CappsUA=\",\"url\":\"http://127.0.0.1:19400\""
    "}";

static const char recorded_time_stamp[] =
    "{\"anchor\":\"rfc3161\",\"authority\":\"Test time authority\",\"response_b64\":\"MIIFJDADAgEAMIIFGwY"
    "JKoZIhvcNAQcCoIIFDDCCBQgCAQMxDzANBglghkgBZQMEAgEFADB2BgsqhkiG9w0BCRABBKBnBGUwYwIBAQYEKgMEATAxMA0GCWC"
    "GSAFlAwQCAQUABCAqV1S8jQXVz+0OPPLdsDQ/TXvlGax9lYzVjB6AfRDM6wIBAhgPMjAyNjExMjIwNTI4NTdaMAMCAQEBAf8CCQC"
    "SVRl1hzteLKCCAy4wggGvMIIBVqADAgECAhQX2ffAz0UBjAScmevalBH7RFomHDAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN"
    "0IHRpbWUgcm9vdDAgFw0yNjExMjIwNTI4NTdaGA8yMTI2MTAyOTA1Mjg1N1owHjEcMBoGA1UEAwwTVGVzdCB0aW1lIGF1dGhvcml"
    "0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMyDgfdLH1Dwcivo0fnFjZe2351/orOYPgCfOm7w5vQR99YKbRirB8irxSYNhke"
    "Ni54QpMy5N/lYelnRcFMjC9GjdTBzMAkGA1UdEwQCMAAwDgYDVR0PAQH/BAQDAgeAMBYGA1UdJQEB/wQMMAoGCCsGAQUFBwMIMB0"
    "GA1UdDgQWBBTxQeCaxQ9Li/Po46rNzGEtL33N/DAfBgNVHSMEGDAWgBQ/Xc3suHpyzVGWwPl4G50bWfrO7DAKBggqhkjOPQQDAgN"
    "HADBEAiBIE8PzOreHr2Bl51EWIIemFUt4D/D/H/GNhiUuGfOaAAIgW7Wi8OP8DHwGBLaZt16tXzGzgwrzHpDvOF1IBOlDdtEwggF"
    "3MIIBHqADAgECAhQe3kkm5TTRRMN6jWHQ7QqITm++/TAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IHRpbWUgcm9vdDAgFw0"
    "yNjExMjIwNTI4NTZaGA8yMTI2MTAyOTA1Mjg1NlowGTEXMBUGA1UEAwwOVGVzdCB0aW1lIHJvb3QwWTATBgcqhkjOPQIBBggqhkj"
    "OPQMBBwNCAAT86AlVgMjMCC6IQO6ib0ulykox9Cw/q2TLca0LtBJ1atdm4bbIrJmPBZG+3FT/enO9N2GJynxVDBfDJUxGgFVZo0I"
    "wQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQUP13N7Lh6cs1RlsD5eBudG1n6zuwwCgYIKoZIzj0"
    "EAwIDRwAwRAIgdaIdKpIaVdApjSwjaiKkvdAV+YWR7aB4hthc61QN/48CIG+YNGxY4xgCFZ9NGkOwQSJOVFbUnKrqFPSOwlwAf8W"
    "FMYIBRjCCAUICAQEwMTAZMRcwFQYDVQQDDA5UZXN0IHRpbWUgcm9vdAIUF9n3wM9FAYwEnJnr2pQR+0RaJhwwDQYJYIZIAWUDBAI"
    "BBQCggaQwGgYJKoZIhvcNAQkDMQ0GCyqGSIb3DQEJEAEEMBwGCSqGSIb3DQEJBTEPFw0yNjExMjIwNTI4NTdaMC8GCSqGSIb3DQE"
    "JBDEiBCBrDkWYdJLU1jjZYAUYF3iSQIdTBziBD1jTizPI/erJJzA3BgsqhkiG9w0BCRACLzEoMCYwJDAiBCDH8AlmtI2myjfW31F"
    "ntbsJJ1MLwhzmqEj8TSNXpLDrPjAKBggqhkjOPQQDAgRIMEYCIQDJO8pBQl+DTfrI/zoRuF+AYBoOqymYxmSiSAz7kx4T0gIhALo"
    "RbcOYidSG/i5+bJMvJPN9JeA+VNabej5VMjOzlZms\",\"serial\":\"02\",\"time\":1795325337,\"url\":\"http://1"
    "27.0.0.1:19460/\"}";

static const char recorded_authority[] =
    "-----BEGIN CERTIFICATE-----\nMIIBdzCCAR6gAwIBAgIUHt5JJuU00UTDeo1h0O0KiE5vvv0wCgYIKoZIzj0EAwIw\nGTEXM"
    "BUGA1UEAwwOVGVzdCB0aW1lIHJvb3QwIBcNMjYxMTIyMDUyODU2WhgPMjEy\nNjEwMjkwNTI4NTZaMBkxFzAVBgNVBAMMDlRlc3Q"
    "gdGltZSByb290MFkwEwYHKoZI\nzj0CAQYIKoZIzj0DAQcDQgAE/OgJVYDIzAguiEDuom9LpcpKMfQsP6tky3GtC7QS\ndWrXZuG"
    "2yKyZjwWRvtxU/3pzvTdhicp8VQwXwyVMRoBVWaNCMEAwDwYDVR0TAQH/\nBAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwHQYDVR0OB"
    "BYEFD9dzey4enLNUZbA+Xgb\nnRtZ+s7sMAoGCCqGSM49BAMCA0cAMEQCIHWiHSqSGlXQKY0sI2oipL3QFfmFke2g\neIbYXOtUD"
    "f+PAiBvmDRsWOMYAhWfTRpDsEEiTlRW1Jyq6hT0jsJcAH/FhQ==\n-----END CERTIFICATE-----\n";

static const char recorded_other_authority[] =
    "-----BEGIN CERTIFICATE-----\nMIIBdDCCARqgAwIBAgIUILX9rxZB1hTmPVeA8LloTH0tZE0wCgYIKoZIzj0EAwIw\nFzEVM"
    "BMGA1UEAwwMQW5vdGhlciByb290MCAXDTI2MTEyMjA1Mjg1N1oYDzIxMjYx\nMDI5MDUyODU3WjAXMRUwEwYDVQQDDAxBbm90aGV"
    "yIHJvb3QwWTATBgcqhkjOPQIB\nBggqhkjOPQMBBwNCAAQ30s3xCgcc7haI+BTPYLM4Qg9KTQt83iFdXL3tF5oW7gM0\nK80tHj/"
    "R1zGkIBCWToCiFs6Ex/9ddfVAerfSmYJwo0IwQDAPBgNVHRMBAf8EBTAD\nAQH/MA4GA1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQU2"
    "11Ca+cgIplfGJCsz+jtBYj1\nNJ0wCgYIKoZIzj0EAwIDSAAwRQIgKu5zAYgX+v6BUzJeHUWdU09plAjBGBhrf4av\nq8OyTPwCI"
    "QDZAyscvNQvepbE3r/FZhRclMkI35/xJ1i/VDw9oieqtQ==\n-----END CERTIFICATE-----\n";

/* clang-format on */

#endif
