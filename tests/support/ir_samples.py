"""A module in text form with every kind of node."""

EVERYTHING = """\
(module "demo"
  (global limit int)
  (global |12 a| any)
  (site 1 22 29 "fact" 0)
  (site 2 30 31 "$init" 0)
  (export "fact" (func fact) (params "n") (types ":any") (result ":any") (rest) (doc "a \\"doc\\"") \
(def-hash "ab") (interface-hash "cd") (effects ":pure") (examples "(fact 3)") (variant fact#i int))
  (export "limit" (result ":any"))
  (function fact (params n) (result num) (origin "fact" 0)
    (if (lt n 2 @1) 1 (num.mul n (call fact (num.sub n 1 @1) ^num @1) @1)))
  (function lam (params (x int) rest) (rest) (captures (k int)) (self me) (display "fn") (library)
    (let (y int (int.add x k @1))
      (y.1 (call-closure lam me y rest !tail @2))
      (letrec (f fn (closure lam k))
        (g fn (closure lam k))
        (try
          (do (call-value f (float "nan") (float "-inf") 1.5 @1) (apply g rest !tail @1))
          (e)
          (err.message e)))))
  (function $init (params)
    (do
      (set-global limit 10)
      (loop L ((i int) 0) (acc (const-vec 1 (kw "a") (const-map "k" nil) (const-list) (sym "s") (uuid "u")))
        (if ^any (is [num] acc) (recur L (int.add i 1) acc) (num.check ["+"] i @2)))
      (global limit !checked ^int @2))))
"""
