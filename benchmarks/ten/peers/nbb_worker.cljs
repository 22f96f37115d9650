;; A line "KERNEL ARGUMENT…" is answered by "SECONDS RESULT"; the argument of `words` is a file.
(ns nbb-worker
  (:require ["fs" :as fs]
            ["readline" :as readline]
            [clojure-kernels :refer [kernels]]
            [clojure.string :as str]))

(def read-text (memoize (fn [path] (fs/readFileSync path "utf8"))))

(defn answer [line]
  (let [[kernel & more] (str/split line #" ")
        arguments (mapv (if (= kernel "words") read-text js/Number) more)
        run (get kernels kernel)
        start (.now js/performance)
        before (.cpuUsage js/process)
        result (apply run arguments)
        used (.cpuUsage js/process before) ; of all threads, so the wall clock may be less
        elapsed (min (/ (- (.now js/performance) start) 1e3) (/ (+ (.-user used) (.-system used)) 1e6))]
    (println elapsed result)))

(println (str "on Node " js/process.version))
(.on (.createInterface readline #js {:input js/process.stdin}) "line" answer)
